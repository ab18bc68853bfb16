/** From a dataset as it is declared to a pack: found by what it was made of, or decoded once. */

import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { Dataset } from "../../compiler/typed/tree.js";
import { reason } from "../system/reason.js";
import { sha256 } from "../system/sha256.js";
import { createFolder, exists, replaceFile } from "./atomic-files.js";
import type { Ingest, IngestOptions, Pack } from "./contract.js";
import { DigestCache, fingerprint } from "./digest.js";
import { openPack } from "./pack.js";
import { findSource } from "./sources/index.js";
import {
  type DataFolders,
  type ImageRef,
  imageIdentity,
  type Listing,
  type Source,
  splitNames,
} from "./sources/source.js";
import { packedPrefixes } from "./transform-chain.js";
import type { PackRecipe } from "./write-pack.js";

/** Goes up when the same bytes and steps would give other pixels: every pack is then made anew. */
export const recipeVersion = 1;

/** Files that are read at once to know what they hold. */
const filesPerScan = 64;

/**
 * Fetches what the source fetches by itself, decodes every image, runs the fixed start of the chains on it and keeps the
 * result. While neither the source's files nor the declaration change, this only opens what is there.
 * @throws DiagnosticError FSL6001–FSL6014 for data that is not there, not as declared or not readable; FSL6020, FSL6021
 * where it cannot be fetched; FSL6031 where it cannot be kept.
 */
export const ingest: Ingest = async (dataset, options) => {
  try {
    return await findOrMakePack(dataset, options);
  } catch (error) {
    throw error instanceof DiagnosticError ? withSpan(dataset, error) : error;
  }
};

/** The dataset's declaration is where a run-time problem with its data is shown. */
function withSpan(dataset: Dataset, error: DiagnosticError): DiagnosticError {
  if (error.diagnostic.span !== undefined) return error;
  return new DiagnosticError({ ...error.diagnostic, span: dataset.span }, { cause: error.cause });
}

/**
 * The pack of a dataset if it was made before, of the same declaration and of files in the same state; undefined where
 * `ingest` has work to do. Fetches nothing and decodes nothing.
 */
export async function findPack(dataset: Dataset, places: DataFolders): Promise<Pack | undefined> {
  const { file, source, roots } = describeRequest(dataset, places);
  const known = await readRequest(file);
  if (known === undefined) return undefined;
  // A file that is gone is for `ingest` to report.
  const state = source.pinned ?? (await fingerprint(roots).catch(() => undefined));
  return known.state === state ? openIfWhole(packDir(places, known.digest)) : undefined;
}

/** What is asked of the source, and the file that remembers which pack answered it. */
function describeRequest(dataset: Dataset, places: DataFolders) {
  const source = findSource(dataset.source.kind);
  const recipe: PackRecipe = {
    version: recipeVersion,
    channels: channelsOf(dataset, source),
    prefixes: packedPrefixes(dataset),
  };
  const roots = source.roots(dataset.source, places);
  const asked = [recipe, source.pinned, dataset.source, roots, dataset.unreadable, dataset.image];
  const file = join(places.cacheDir, "packs", `${sha256(JSON.stringify(asked))}.json`);
  return { source, recipe, roots, file };
}

async function findOrMakePack(dataset: Dataset, options: IngestOptions): Promise<Pack> {
  const found = await findPack(dataset, options);
  if (found !== undefined) return found;
  const { source, recipe, roots, file } = describeRequest(dataset, options);
  await source.fetch?.(dataset.source, options);
  for (const root of roots) await requireExists(dataset, source, root);
  const state = source.pinned ?? (await fingerprint(roots));

  const listing = await source.list(dataset.source, options);
  requireDistinct(dataset, listing);
  const { splitDigests, imageDigests } = await digestSplits(dataset, { source, listing, recipe }, options);
  const digest = sha256(JSON.stringify([splitDigests, dataset.unreadable, dataset.image]));
  const dir = packDir(options, digest);
  if ((await openIfWhole(dir)) === undefined) {
    await rm(dir, { recursive: true, force: true });
    // Loaded where something is decoded: sharp's library takes longer to load than a known pack to open.
    const { writePack } = await import("./write-pack.js");
    await createFolder(dir, (beside) => {
      return writePack(beside, { dataset, listing, recipe, digest, splitDigests, imageDigests, options });
    });
  }
  const pack = await openPack(dir);
  await replaceFile(file, JSON.stringify({ state, digest }));
  return pack;
}

function packDir({ cacheDir }: DataFolders, digest: string): string {
  return join(cacheDir, "packs", digest.slice(0, 32));
}

/** Channels to decode to: what the chain leaves in the end, unless a `grayscale` in it makes the one channel of three. */
function channelsOf(dataset: Dataset, { description }: Source): 1 | 3 {
  const makesGray = [dataset.train, dataset.eval].some((chain) => chain.some(({ op }) => op === "grayscale"));
  if (makesGray) return description.channels;
  return dataset.image.channels === 1 ? 1 : 3;
}

async function requireExists(dataset: Dataset, { description }: Source, root: string): Promise<void> {
  if (await exists(root)) return;
  const help = [description.obtain];
  throw new DiagnosticError(diagnostic("FSL6001", dataset.span, { dataset: dataset.name, path: root }, { help }));
}

async function readRequest(path: string): Promise<{ state: string; digest: string } | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { state, digest } = JSON.parse(text) as { state?: unknown; digest?: unknown };
    return typeof state === "string" && typeof digest === "string" ? { state, digest } : undefined;
  } catch {
    // Cut off by a crash: the pack is found again by its digest.
    return undefined;
  }
}

/** A pack that is there and whole; a damaged one is as good as none, since it can be made again. */
async function openIfWhole(dir: string): Promise<Pack | undefined> {
  try {
    return await openPack(dir);
  } catch (error) {
    if (error instanceof DiagnosticError) return undefined;
    throw error;
  }
}

/** Each class in one split, each image in one class, something in at least one split. */
function requireDistinct(dataset: Dataset, listing: Listing): void {
  const classes = new Map<string, string>();
  const images = new Map<string, string>();
  for (const split of splitNames) {
    for (const { name, images: refs } of listing[split] ?? []) {
      const other = classes.get(name);
      if (other !== undefined) {
        throw new DiagnosticError(diagnostic("FSL6007", dataset.span, { class: name, first: other, second: split }));
      }
      classes.set(name, split);
      for (const ref of refs) {
        const key = `${imageIdentity(ref)}@${ref.quarterTurns ?? 0}`;
        const first = images.get(key);
        if (first !== undefined) {
          throw new DiagnosticError(diagnostic("FSL6014", dataset.span, { image: ref.name, first, second: name }));
        }
        images.set(key, name);
      }
    }
  }
  if (images.size === 0) {
    throw new DiagnosticError(diagnostic("FSL6008", dataset.span, { split: "train", dataset: dataset.name }));
  }
}

/** A file that was there when its folder was listed: what it holds is not known, so that it cannot be skipped either. */
function missingFile({ span }: Dataset, first: string, total: number, error: unknown): DiagnosticError {
  const holes = { count: 1, total, first, reason: reason(error) };
  const help = ["it was there a moment ago: let nothing change the folder while it is read, then run again"];
  return new DiagnosticError(diagnostic("FSL6003", span, holes, { help }), { cause: error });
}

/**
 * Of each split: the bytes of its images, their order and classes, with what is done to them and without. No paths: moved
 * data stays itself.
 */
async function digestSplits(
  dataset: Dataset,
  { source, listing, recipe }: { source: Source; listing: Listing; recipe: PackRecipe },
  options: IngestOptions,
): Promise<{ splitDigests: Record<string, string>; imageDigests: Record<string, string> }> {
  const files = new Set<string>();
  if (source.pinned === undefined) {
    for (const split of splitNames)
      for (const { images } of listing[split] ?? []) for (const { file } of images) files.add(file);
  }
  const known = await DigestCache.open(join(options.cacheDir, "digests.txt"));
  const digests = new Map<string, string>();
  const all = [...files];
  if (all.length > 0) options.onProgress({ phase: "scan", done: 0, total: all.length, unit: "files" });
  for (let first = 0; first < all.length; first += filesPerScan) {
    options.signal.throwIfAborted();
    const some = all.slice(first, first + filesPerScan);
    const found = await Promise.allSettled(some.map((file) => known.digest(file)));
    for (const [i, file] of some.entries()) {
      const one = found[i];
      if (one?.status === "fulfilled") digests.set(file, one.value);
      else throw missingFile(dataset, file, all.length, one?.reason);
    }
    options.onProgress({ phase: "scan", done: digests.size, total: files.size, unit: "files" });
  }
  await known.save();
  const splitDigests: Record<string, string> = {};
  const imageDigests: Record<string, string> = {};
  for (const split of splitNames) {
    const classes = listing[split];
    if (classes === undefined) continue;
    const lines = classes.flatMap(({ name, images }) => [
      `class ${name}`,
      ...images.map((ref) => `${digests.get(ref.file) ?? ref.name} ${positionInFile(ref)} ${ref.quarterTurns ?? 0}`),
    ]);
    splitDigests[split] = sha256(`${JSON.stringify([recipe, source.pinned])}\n${lines.join("\n")}`);
    imageDigests[split] = sha256(`${JSON.stringify([source.pinned])}\n${lines.join("\n")}`);
  }
  return { splitDigests, imageDigests };
}

function positionInFile({ entry = "", raw }: ImageRef): string {
  return raw === undefined ? entry : `${entry}@${raw.offset}`;
}
