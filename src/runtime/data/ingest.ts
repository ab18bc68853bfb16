/** Turns a declared dataset into a pack: it finds the pack if it exists, and otherwise decodes the images once. */

import { mkdir, readFile, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { storedSize } from "../../compiler/typed/image-bytes.js";
import { splitOrder } from "../../compiler/typed/splits.js";
import type { Dataset } from "../../compiler/typed/tree.js";
import { completeFolder, exists, remove, replaceFile } from "../system/durable.js";
import { acquireLock, type Holder } from "../system/lock.js";
import { reason } from "../system/reason.js";
import { sha256 } from "../system/sha256.js";
import type { Ingest, IngestOptions, Pack } from "./contract.js";
import { fetchDescriptions } from "./descriptions/index.js";
import { DigestCache, fingerprint } from "./digest.js";
import { LinkError } from "./file-tree.js";
import { holdOut } from "./hold-out.js";
import { openPack, verifyRows } from "./pack.js";
import { DamagedPackError, OldPackError } from "./pack-files.js";
import { decodedImages } from "./pack-journal.js";
import { findSource } from "./sources/index.js";
import {
  type DataFolders,
  type ImageRef,
  imageIdentity,
  type Listing,
  layoutError,
  type Source,
} from "./sources/source.js";
import { packedPrefixes } from "./transform-chain.js";
import { remembering, writing } from "./write-error.js";
import type { PackRecipe } from "./write-pack.js";

/** The version of decoding and resampling. It goes up if the same bytes and steps give other pixels; then every pack is made again. */
export const recipeVersion = 1;

/**
 * The version of what is read of a TIFF: its range and its bands. It is a part of the digests of TIFFs alone, so that a change
 * of it makes no other pack again.
 */
const tiffVersion = 2;

/** The number of files whose digests are computed at the same time. */
const filesPerScan = 64;

/**
 * Fetches the data if the source can do that, decodes every image, applies the packed prefixes and stores the result. While
 * neither the files of the source nor the declaration change, it only opens the existing pack.
 *
 * @throws DiagnosticError FSL6001–FSL6014 if the data is missing, unreadable or not as declared; FSL6020 or FSL6021 if it
 * cannot be fetched; FSL6031 if the pack cannot be written.
 */
export const ingest: Ingest = async (dataset, options) => {
  try {
    return await findOrMakePack(dataset, options);
  } catch (error) {
    throw error instanceof DiagnosticError ? withSpan(dataset, error) : error;
  }
};

/** Returns an error that points at the declaration of the dataset, unless it points somewhere already. */
function withSpan(dataset: Dataset, error: DiagnosticError): DiagnosticError {
  if (error.diagnostic.span !== undefined) return error;
  return new DiagnosticError({ ...error.diagnostic, span: dataset.span }, { cause: error.cause });
}

/**
 * Returns the pack of a dataset if it was made before from the same declaration and from files in the same state, and
 * undefined if `ingest` has work to do. It fetches nothing and decodes nothing.
 */
export async function findPack(dataset: Dataset, places: DataFolders): Promise<Pack | undefined> {
  const { file, source, roots } = describeRequest(dataset, places);
  const known = await readRequest(file);
  if (known === undefined) return undefined;
  // If a file is gone, `ingest` reports it.
  const state = source.pinned ?? (await fingerprint(roots).catch(() => undefined));
  return known.state === state ? (await openIfWhole(packDir(places, known.digest))).pack : undefined;
}

/** Returns a text that two datasets share if `ingest` would make the same pack of both. */
export function packRequest(dataset: Dataset, places: DataFolders): string {
  return describeRequest(dataset, places).file;
}

/** Returns how the source is read, and the path of the file that remembers the resulting pack. */
function describeRequest(dataset: Dataset, places: DataFolders) {
  const source = findSource(dataset.source.kind);
  const recipe = recipeOf(dataset);
  const roots = source.roots(dataset.source, places);
  const asked = [recipe, tiffVersion, source.pinned, dataset.source, roots, dataset.unreadable, dataset.image];
  if (dataset.holdOut !== undefined) asked.push(dataset.holdOut);
  const file = join(places.cacheDir, "packs", `${sha256(JSON.stringify(asked))}.json`);
  return { source, recipe, roots, file };
}

/** Returns how every image of a dataset is decoded and prepared before it is stored. */
export function recipeOf(dataset: Dataset): PackRecipe {
  const channels = channelsOf(dataset, findSource(dataset.source.kind));
  return { version: recipeVersion, channels, prefixes: packedPrefixes(dataset) };
}

async function findOrMakePack(dataset: Dataset, options: IngestOptions): Promise<Pack> {
  const found = await findPack(dataset, options);
  if (found !== undefined) return found;
  const { source, recipe, roots, file } = describeRequest(dataset, options);
  await source.fetch?.(dataset.source, options);
  await fetchDescriptions(dataset, options);
  for (const root of roots) await requireExists(dataset, source, root);
  const state = source.pinned ?? (await stateOf(dataset, roots));

  const listing = holdOut(await source.list(dataset.source, options), dataset.holdOut);
  requireDistinct(dataset, listing);
  const { splitDigests, imageDigests } = await digestSplits(dataset, { source, listing, recipe }, options);
  const digest = sha256(JSON.stringify([splitDigests, dataset.unreadable, dataset.image]));
  const dir = packDir(options, digest);
  const { pack: whole, error } = await openIfWhole(dir);
  if (whole === undefined) {
    if (error !== undefined) {
      await setAside(error);
      options.onNote?.(
        error instanceof OldPackError
          ? { message: "the packed images are from an earlier version and have no checksums; they are packed again" }
          : noteOnDamage(error),
      );
    }
    // This is loaded only if images are decoded, because loading sharp takes longer than opening a pack.
    const { writePack } = await import("./write-pack.js");
    const request = { dataset, listing, recipe, digest, splitDigests, imageDigests, options };
    await whileAlone(unfinishedPack(file), options, async (unfinished) => {
      if (await exists(dir)) return; // Another process has made it.
      await writing(
        dir,
        completeFolder(unfinished, dir, async () => {
          await writePack(unfinished, request);
        }),
      );
    });
    await remove(asideOf(dir));
  }
  const pack = whole ?? (await openPack(dir));
  await writing(file, writeRequest(file, { state, digest }));
  return pack;
}

/** Returns the folder of the unfinished pack of a request. It has a fixed name, so that the next ingest finds it. */
function unfinishedPack(file: string): string {
  return file.replace(/\.json$/, ".unfinished");
}

/** Returns how many images of a dataset an ingest that did not end has decoded, and of how many, or undefined if none did. */
export function unfinishedIngest(dataset: Dataset, places: DataFolders): ReturnType<typeof decodedImages> {
  return decodedImages(unfinishedPack(describeRequest(dataset, places).file));
}

/** Calls `work` with a folder that no other process uses meanwhile. If it fails for its content, the folder is removed: it is of no use then. */
async function whileAlone(
  dir: string,
  { signal, onNote }: IngestOptions,
  work: (dir: string) => Promise<void>,
): Promise<void> {
  const onWait = ({ pid, host }: Holder): void =>
    onNote?.({ message: `process ${pid} on ${host} packs the images; waiting for that` });
  await writing(dir, mkdir(dirname(dir), { recursive: true }));
  const lock = await acquireLock(dirname(dir), basename(dir), { signal, onWait });
  try {
    signal.throwIfAborted();
    await work(dir);
  } catch (error) {
    if (error instanceof DiagnosticError && error.cause === undefined) await remove(dir);
    throw error;
  } finally {
    lock?.release();
  }
}

/** Returns the state of the files that decide what a source lists. @throws DiagnosticError FSL6002 if links have no end. */
async function stateOf({ source }: Dataset, roots: readonly string[]): Promise<string> {
  try {
    return await fingerprint(roots);
  } catch (error) {
    if (error instanceof LinkError) throw layoutError(source, roots.join(" and "), error.message, { cause: error });
    throw error;
  }
}

/** Returns a note about a pack that is made again. */
function noteOnDamage({ dir, problem, diagnostic: { code } }: DamagedPackError): { message: string; code?: string } {
  return { message: `the packed images in ${dir} are damaged: ${problem}; they are packed again`, code };
}

/**
 * Makes a pack again in which an image turned out to be damaged while it was used.
 *
 * @throws DiagnosticError as `ingest` does, and FSL6030 if the source has changed, because it then gives other images.
 */
export async function repairPack(dataset: Dataset, error: DamagedPackError, options: IngestOptions): Promise<Pack> {
  const { dir } = error;
  // Another run may have made it again in the meantime.
  const still = await openPack(dir)
    .then(verifyRows)
    .then(
      () => undefined,
      (found: unknown) => found,
    );
  if (still instanceof DamagedPackError) await setAside(still);
  options.onNote?.(noteOnDamage(error));
  const pack = await ingest(dataset, options);
  if (pack.dir === dir) return pack;
  const problem = `${error.problem}, and its source has changed since, so it cannot give the same images`;
  throw new DamagedPackError(dir, problem);
}

/**
 * Moves a damaged pack aside, so that the next `ingest` makes it again. It is removed when the new one is complete: until then
 * it is the only copy if the source is gone.
 */
async function setAside({ dir }: DamagedPackError): Promise<void> {
  if (!(await exists(dir))) return;
  await remove(asideOf(dir));
  const moved = rename(dir, asideOf(dir)).catch((error: unknown) => {
    // Another run has moved it.
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
  });
  await writing(dir, moved);
}

function asideOf(dir: string): string {
  return `${dir}.damaged`;
}

function packDir({ cacheDir }: DataFolders, digest: string): string {
  return join(cacheDir, "packs", digest.slice(0, 32));
}

/** Returns the channels to decode to: those after the chain, or those of the source if a `grayscale` in the chain reduces them. */
function channelsOf(dataset: Dataset, { description }: Source): 1 | 3 {
  const makesGray = [dataset.train, dataset.eval].some((chain) => chain.some(({ op }) => op === "grayscale"));
  if (makesGray) return description.channels;
  return storedSize(dataset.image).channels === 1 ? 1 : 3;
}

async function requireExists(dataset: Dataset, { description }: Source, root: string): Promise<void> {
  if (await exists(root)) return;
  const help = [description.obtain];
  throw new DiagnosticError(diagnostic("FSL6001", dataset.span, { dataset: dataset.name, path: root }, { help }));
}

/** Remembers which pack a request led to, and the state of the source at that time. */
interface KnownRequest {
  readonly state: string;
  readonly digest: string;
}

/** Writes a request file. A folder in its place, which only damage can have put there, is moved aside. */
async function writeRequest(file: string, known: KnownRequest): Promise<void> {
  if (
    await stat(file).then(
      (found) => found.isDirectory(),
      () => false,
    )
  ) {
    await remove(asideOf(file));
    await rename(file, asideOf(file));
  }
  await replaceFile(file, encodeRequest(file, known));
}

/** Returns the text of a request file. Its checksum covers the name of the file, so that a copy under another name is not believed. */
function encodeRequest(path: string, { state, digest }: KnownRequest): string {
  return JSON.stringify({ state, digest, sha256: requestChecksum(path, { state, digest }) });
}
function requestChecksum(path: string, { state, digest }: KnownRequest): string {
  return sha256(JSON.stringify([basename(path), state, digest]));
}

/** Reads a request file. One that is missing, cut off or changed counts as missing, because the pack is found again by its digest. */
async function readRequest(path: string): Promise<KnownRequest | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { state, digest, sha256: checksum } = JSON.parse(text) as Partial<Record<string, unknown>>;
    if (typeof state !== "string" || typeof digest !== "string") return undefined;
    return checksum === requestChecksum(path, { state, digest }) ? { state, digest } : undefined;
  } catch {
    return undefined;
  }
}

/** Opens a pack. A damaged pack is returned as its error, because it can be made again. A missing pack has neither. */
async function openIfWhole(dir: string): Promise<{ readonly pack?: Pack; readonly error?: DamagedPackError }> {
  if (!(await exists(dir))) return {};
  try {
    return { pack: await openPack(dir) };
  } catch (error) {
    if (error instanceof DamagedPackError) return { error };
    throw error;
  }
}

/**
 * Checks that each class is in one split, each image is in one class, and that there is an image at all.
 *
 * @throws DiagnosticError FSL6007, FSL6014 or FSL6008.
 */
function requireDistinct(dataset: Dataset, listing: Listing): void {
  const classes = new Map<string, string>();
  const images = new Map<string, string>();
  for (const split of splitOrder) {
    for (const { name, images: refs } of listing[split] ?? []) {
      const other = split === "seen" ? undefined : classes.get(name);
      if (other !== undefined && dataset.sharedClasses !== true) {
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

/** Returns the error for a file that disappeared after its folder was listed. It cannot be skipped, because its images are unknown. */
function missingFile({ span }: Dataset, first: string, total: number, error: unknown): DiagnosticError {
  const holes = { count: 1, total, first, reason: reason(error) };
  const help = [
    "the file existed a moment ago; make sure that nothing changes the folder while fslc reads it, and run again",
  ];
  return new DiagnosticError(diagnostic("FSL6003", span, holes, { help }), { cause: error });
}

/**
 * Returns two digests of each split over the bytes, order and classes of its images: one with the decode recipe and one
 * without it. Paths are not part of them, so moving the data changes no digest.
 */
async function digestSplits(
  dataset: Dataset,
  { source, listing, recipe }: { source: Source; listing: Listing; recipe: PackRecipe },
  options: IngestOptions,
): Promise<{ splitDigests: Record<string, string>; imageDigests: Record<string, string> }> {
  const files = new Set<string>();
  if (source.pinned === undefined) {
    for (const split of splitOrder)
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
  await remembering(known.path, known.save(), options.onNote);
  const splitDigests: Record<string, string> = {};
  const imageDigests: Record<string, string> = {};
  for (const split of splitOrder) {
    const classes = listing[split];
    if (classes === undefined) continue;
    const lines = (extra: (ref: ImageRef) => string): string =>
      classes
        .flatMap(({ name, images }) => [
          oneLine("class", name),
          ...images.map((ref) => {
            const place = oneLine("", positionInFile(ref));
            return `${digests.get(ref.file) ?? ref.name} ${place} ${ref.quarterTurns ?? 0}${decoding(ref)}${extra(ref)}`;
          }),
        ])
        .join("\n");
    const boxes = lines((ref) => boxOf(ref, recipe));
    splitDigests[split] = sha256(`${JSON.stringify([recipe, source.pinned])}\n${boxes}`);
    imageDigests[split] = sha256(`${JSON.stringify([source.pinned])}\n${lines(() => "")}`);
  }
  return { splitDigests, imageDigests };
}

/** Returns the version of the decoder of an image if it is not part of the recipe. */
function decoding({ name }: ImageRef): string {
  return /\.tiff?$/i.test(name) ? ` tiff ${tiffVersion}` : "";
}

/** Returns the box of an image if a step of the recipe looks at it. Otherwise it changes no pixel. */
function boxOf({ box }: ImageRef, { prefixes }: PackRecipe): string {
  if (box === undefined || !prefixes.some((steps) => steps.some(({ op }) => op === "box" || op === "foreground")))
    return "";
  return ` box ${box.left} ${box.top} ${box.width} ${box.height}`;
}

function positionInFile({ entry = "", raw, range }: ImageRef): string {
  const offset = (raw ?? range)?.offset;
  return offset === undefined ? entry : `${entry}@${offset}`;
}

/** Writes a text behind a keyword. A text with line breaks is escaped, so that it cannot look like further lines. */
function oneLine(keyword: string, text: string): string {
  const value = /[\n\r]/.test(text) ? `escaped ${JSON.stringify(text)}` : text;
  return keyword === "" ? value : `${keyword} ${value}`;
}
