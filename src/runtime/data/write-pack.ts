/** Decodes every image of a listing into the files of a new pack. */

import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { storedSize } from "../../compiler/typed/image-bytes.js";
import { splitOrder } from "../../compiler/typed/splits.js";
import type { Dataset, SplitName } from "../../compiler/typed/tree.js";
import { ImageTooSmallError, type PackStep } from "./augment.js";
import type { IngestOptions } from "./contract.js";
import { type DecodeJob, decodeAll } from "./decode.js";
import type { DecodeResult } from "./decode-thread.js";
import { type FoundImage, findDoubtful } from "./findings.js";
import { ImageReader } from "./image-reader.js";
import { encodeManifest, indexFile, manifestFile, originsFile, type PackManifest, rowsFile } from "./pack-files.js";
import { type JournalEntry, PackJournal } from "./pack-journal.js";
import type { Pixels } from "./pixels.js";
import { RowWriter } from "./row-writer.js";
import { type ImageRef, imageIdentity, type Listing } from "./sources/source.js";
import { describeSteps, remainingSteps, sizeAfter } from "./transform-chain.js";

export interface PackRecipe {
  readonly version: number;
  readonly channels: 1 | 3;
  readonly prefixes: readonly (readonly PackStep[])[];
}
interface WriteOptions {
  readonly dataset: Dataset;
  readonly listing: Listing;
  readonly recipe: PackRecipe;
  readonly digest: string;
  readonly splitDigests: Readonly<Record<string, string>>;
  readonly imageDigests: Readonly<Record<string, string>>;
  readonly options: IngestOptions;
}

/** An image of the listing with its split and class. */
interface Row {
  readonly ref: ImageRef;
  readonly split: SplitName;
  readonly class: number;
}

/** The bytes of images that wait in memory before they are written. */
const flushBytes = 4 << 20;

/**
 * Writes the files of a pack to `dir`, and continues there if an earlier process has begun. If this one is stopped or killed, the folder keeps
 * what it has decoded.
 *
 * @throws DiagnosticError FSL6003 for an unreadable image, FSL6009 for one that is too small, FSL6010 for a wrong size.
 */
export async function writePack(dir: string, write: WriteOptions): Promise<void> {
  const { dataset, listing, recipe, options } = write;
  // The main thread must load the library of sharp before a worker does.
  sharp.concurrency(1);
  const rows = listRows(listing);
  const { jobs, rowsOfJob } = groupIntoJobs(rows);
  const outcome = new OutputSizeCheck(dataset, recipe);
  const handles: FileHandle[] = [];
  const reader = new ImageReader();
  try {
    for (let v = 0; v < recipe.prefixes.length; v++) {
      handles.push(await open(join(dir, rowsFile(v)), "a+"));
    }
    const writers = handles.map((handle) => new RowWriter(handle, rows.length, recipe.channels));
    const journal = await PackJournal.open(dir, {
      digest: write.digest,
      images: jobs.length,
    });
    const flush = async (): Promise<void> => {
      for (const writer of writers) await writer.flush();
      await journal.flush();
    };
    const unreadable = new Map<number, string>();
    const contents = new Map<number, Pick<FoundImage, "content" | "flat">>();
    const note = (entry: JournalEntry, targets: readonly number[]): void => {
      for (const row of targets) {
        if ("unreadable" in entry) unreadable.set(row, entry.unreadable);
        else contents.set(row, { content: entry.content, flat: entry.flat });
      }
    };
    let done = await journal.restore(async (entry, place) => {
      const targets = rowsOfJob[place] as readonly number[];
      const images = "unreadable" in entry ? [] : entry.images;
      for (const [t, of] of images.entries()) {
        for (const [v, image] of of.entries()) {
          if ((await writers[v]?.restore(targets[t] as number, image)) !== true) return false;
          outcome.check(v, image, (jobs[place] as DecodeJob).ref.name);
        }
      }
      note(entry, targets);
      return true;
    });
    for (const writer of writers) await writer.truncate();
    if (done > 0) options.onNote?.({ message: `${done} of ${jobs.length} images were decoded before` });
    options.onProgress({ phase: "decode", done, total: jobs.length, unit: "images" });
    try {
      for await (const result of decodeAll(jobs.slice(done), reader, recipe, options.threads, options.signal)) {
        const ref = (jobs[done] as DecodeJob).ref;
        const targets = rowsOfJob[done] as readonly number[];
        done++;
        const entry = addResult(result, ref, targets, writers, outcome);
        journal.add(entry);
        note(entry, targets);
        if (writers.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0) >= flushBytes) await flush();
        if (done % 32 === 0 || done === jobs.length) {
          options.onProgress({ phase: "decode", done, total: jobs.length, unit: "images" });
        }
      }
    } catch (error) {
      if (options.signal.aborted) await flush();
      throw error;
    }
    await flush();
    const skipped = reportUnreadable(dataset, rows, unreadable, jobs.length);
    const kept = rows.flatMap((_, row) => (unreadable.has(row) ? [] : [row]));
    const variants: PackManifest["variants"][number][] = [];
    for (const [v, writer] of writers.entries()) {
      const { index, ...shape } = writer.finish(kept);
      await writeFile(join(dir, indexFile(v)), index);
      variants.push({ prefix: recipe.prefixes[v] ?? [], ...shape, index: crc32(index) });
    }
    const origins = JSON.stringify(kept.map((row) => rows[row]?.ref.name ?? ""));
    await writeFile(join(dir, originsFile), origins);
    const found = kept.map((row): FoundImage => {
      const { ref, split, class: c } = rows[row] as Row;
      const { content = "", flat = false } = contents.get(row) ?? {};
      const pixels = writers[0]?.checksum(row) ?? 0;
      return { name: ref.name, split, class: c, content: `${content} ${ref.quarterTurns ?? 0}`, flat, pixels };
    });
    const manifest: PackManifest = {
      format: 2,
      digest: write.digest,
      recipe: recipe.version,
      source: dataset.source,
      channels: recipe.channels,
      rows: kept.length,
      variants,
      origins: crc32(origins),
      splits: manifestSplits(listing, rows, kept, write),
      skipped,
      findings: findDoubtful(found),
    };
    await writeFile(join(dir, manifestFile), encodeManifest(manifest));
    await journal.remove();
  } finally {
    await reader.close();
    for (const handle of handles) await handle.close();
  }
}

function listRows(listing: Listing): Row[] {
  return splitOrder.flatMap((split) =>
    (listing[split] ?? []).flatMap(({ images }, c) => images.map((ref) => ({ ref, split, class: c }))),
  );
}

/** Groups the rows by their image, so that each image is decoded once for all of its turns. */
function groupIntoJobs(rows: readonly Row[]): { jobs: DecodeJob[]; rowsOfJob: number[][] } {
  const place = new Map<string, number>();
  const jobs: { ref: ImageRef; quarterTurns: (0 | 1 | 2 | 3)[] }[] = [];
  const rowsOfJob: number[][] = [];
  for (const [row, { ref }] of rows.entries()) {
    const key = imageIdentity(ref);
    let job = place.get(key);
    if (job === undefined) {
      job = jobs.length;
      place.set(key, job);
      jobs.push({ ref, quarterTurns: [] });
      rowsOfJob.push([]);
    }
    jobs[job]?.quarterTurns.push(ref.quarterTurns ?? 0);
    rowsOfJob[job]?.push(row);
  }
  return { jobs, rowsOfJob };
}

/** Gives the images of a result to the writers, and returns the entry of the journal. @throws DiagnosticError FSL6009 or FSL6010 */
function addResult(
  result: DecodeResult,
  ref: ImageRef,
  targets: readonly number[],
  writers: readonly RowWriter[],
  outcome: OutputSizeCheck,
): JournalEntry {
  if (result.kind === "unreadable") return { unreadable: result.reason };
  if (result.kind === "small") {
    const { transform, size, height, width } = result;
    throw new DiagnosticError(diagnostic("FSL6009", undefined, { image: ref.name, transform, size, height, width }));
  }
  const images = result.images.map((of, t) =>
    of.flatMap((image, v) => {
      outcome.check(v, image, ref.name);
      return writers[v]?.add(targets[t] as number, image) ?? [];
    }),
  );
  return { images, content: result.content, flat: result.flat };
}

/** Checks that the rest of each chain turns a stored image into the size that programs expect. It checks each size once. */
class OutputSizeCheck {
  private readonly sound = new Set<string>();
  constructor(
    private readonly dataset: Dataset,
    private readonly recipe: PackRecipe,
  ) {}

  check(variant: number, { height, width }: Pick<Pixels, "height" | "width">, name: string): void {
    const key = `${variant}:${height}:${width}`;
    if (this.sound.has(key)) return;
    const want = storedSize(this.dataset.image);
    for (const chain of [this.dataset.train, this.dataset.eval]) {
      const rest = remainingSteps(chain, this.recipe.prefixes[variant] ?? []);
      if (rest === undefined) continue;
      const got = this.sizeOf(rest, height, width, name);
      if (got.height === want.height && got.width === want.width) continue;
      throw new DiagnosticError(
        diagnostic("FSL6010", undefined, {
          image: name,
          got: `${this.recipe.channels} × ${got.height} × ${got.width}`,
          want: `${want.channels} × ${want.height} × ${want.width}`,
          chain: describeSteps(chain),
        }),
      );
    }
    this.sound.add(key);
  }

  private sizeOf(rest: readonly PackStep[], height: number, width: number, image: string) {
    try {
      return sizeAfter(rest, height, width);
    } catch (error) {
      if (!(error instanceof ImageTooSmallError)) throw error;
      const { transform, size } = error;
      throw new DiagnosticError(
        diagnostic("FSL6009", undefined, { image, transform, size, height: error.height, width: error.width }),
      );
    }
  }
}

/**
 * Returns the names of the unreadable images.
 *
 * @throws DiagnosticError FSL6003 if there are any and the dataset does not say `unreadable skip`.
 */
function reportUnreadable(
  dataset: Dataset,
  rows: readonly Row[],
  unreadable: ReadonlyMap<number, string>,
  total: number,
): readonly string[] {
  const names = new Map<string, string>();
  for (const [row, reason] of unreadable) names.set(rows[row]?.ref.name ?? "", reason);
  const [worst] = names;
  if (worst === undefined) return [];
  if (dataset.unreadable === "stop") {
    const [first, reason] = worst;
    const others = [...names.keys()].slice(1, 6);
    const help = [
      ...(others.length === 0 ? [] : [`also: ${others.join(", ")}${names.size > 6 ? ", …" : ""}`]),
      "replace them, or write `unreadable skip` into the dataset",
    ];
    throw new DiagnosticError(
      diagnostic("FSL6003", dataset.span, { count: names.size, total, first, reason }, { help }),
    );
  }
  return [...names.keys()];
}

function manifestSplits(
  listing: Listing,
  rows: readonly Row[],
  kept: readonly number[],
  { splitDigests, imageDigests }: Pick<WriteOptions, "splitDigests" | "imageDigests">,
): PackManifest["splits"] {
  const splits: Partial<Record<SplitName, { digest: string; source: string; classes: string[]; images: number[] }>> =
    {};
  for (const split of splitOrder) {
    const classes = listing[split];
    if (classes === undefined || classes.length === 0) continue;
    splits[split] = {
      digest: splitDigests[split] ?? "",
      source: imageDigests[split] ?? "",
      classes: classes.map(({ name }) => name),
      images: classes.map(() => 0),
    };
  }
  for (const row of kept) {
    const { split, class: c } = rows[row] as Row;
    const images = splits[split]?.images;
    if (images !== undefined) images[c] = (images[c] as number) + 1;
  }
  return splits;
}
