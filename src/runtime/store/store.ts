/**
 * Stores finished stages in `<root>/<key>/<numerics>/`: a manifest, and a safetensors file if the stage has weights. An
 * entry is written into a temporary folder, flushed and renamed, so it is complete or absent.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { Canonical } from "../../compiler/stages/canonical/value.js";
import type { HostTensors, Precision } from "../engines/engine.js";
import { fillFolder, renameFolder } from "../system/durable.js";
import { mostBytes, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { SafetensorsError } from "../system/safetensors-header.js";
import { sha256 } from "../system/sha256.js";
import { temporaryPath } from "../system/temporary.js";
import { type Manifest, parseManifest, resultsDigest, sealManifest } from "./manifest.js";
import { numericsId } from "./numerics.js";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.js";

/** A readable entry of the store. */
export interface StoreEntry {
  readonly dir: string;
  readonly manifest: Manifest;
}

/** The numerics that are accepted: any, those of one engine, of one kind of device (`cpu`, `gpu`), of one precision, or exactly one record. */
export interface AcceptedNumerics {
  readonly engine?: string;
  readonly device?: string;
  readonly precision?: Precision;
  readonly numerics?: string;
  /** The digest of the output, if only one with the same numbers will do. */
  readonly output?: string;
}

/** A further file of an entry, with its name in the folder of the entry. */
export interface StoredFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The output of a finished stage. The store adds the digests. */
export type Finished = Omit<Manifest, "format" | "weights" | "files" | "output"> & {
  readonly files?: readonly StoredFile[];
  /** The value whose hash is the key. */
  readonly content: Canonical;
  readonly weights?: { readonly tensors: HostTensors; readonly from: NonNullable<Manifest["weights"]>["from"] };
};

const manifestFile = "manifest.json";
const weightsFile = "weights.safetensors";
const contentFile = "key.json";
/** The folder of an entry while it is written. Its name is no key, so it is never taken for one. */
const writingFolder = ".writing";
/** The folder of an entry while it is removed. */
const removingFolder = ".removing";
/** Stands between the id of an entry's numerics and a random part, where the entry replaced another. */
const versionMark = "~";
/** Stands in the name of an entry that was found damaged and moved aside. */
const damagedMark = ".damaged-";

/**
 * Returns the newest accepted entry of `key`, or undefined if there is none. `onDamaged` is called for each entry that `readEntry` refuses.
 */
export function findEntry(
  root: string,
  key: string,
  accepted: AcceptedNumerics,
  onDamaged: (dir: string, problem: string) => void = () => {},
): StoreEntry | undefined {
  const entries: StoreEntry[] = [];
  for (const name of list(join(root, key))) {
    if (accepted.numerics !== undefined && numericsOf(name) !== accepted.numerics) continue;
    const dir = join(root, key, name);
    const read = readEntry(dir);
    if ("problem" in read) onDamaged(dir, read.problem);
    else if (accepts(accepted, read.entry.manifest)) entries.push(read.entry);
  }
  return entries.sort(newestFirst)[0];
}

function accepts({ engine, device, precision, output }: AcceptedNumerics, manifest: Manifest): boolean {
  const { numerics } = manifest;
  const isSame = (output ?? manifest.output) === manifest.output;
  const { precision: computedIn = "f32" } = numerics;
  return (
    isSame &&
    (engine ?? numerics.engine) === numerics.engine &&
    (device ?? numerics.device) === numerics.device &&
    (precision ?? computedIn) === computedIn
  );
}

/**
 * Reads the entry in a folder. Returns its problem if the manifest is not as it was written, or if a file is missing or has another size.
 * That is all that can be known without reading the files, so it is what a plan goes by. A run calls `verifyEntry` too.
 */
export function readEntry(dir: string): { readonly entry: StoreEntry } | { readonly problem: string } {
  let text: string;
  try {
    text = readRegularFile(join(dir, manifestFile), mostBytes.list).toString("utf8");
  } catch {
    return { problem: "it has no manifest" };
  }
  const parsed = parseManifest(text);
  if ("problem" in parsed) return parsed;
  const { manifest } = parsed;
  if (manifest.weights === null && resultsDigest(manifest.results, manifest.reports) !== manifest.output) {
    return { problem: "its results are not the ones that were written" };
  }
  for (const { name, bytes } of filesOf(manifest)) {
    const found = statSync(join(dir, name), { throwIfNoEntry: false });
    if (found === undefined) return { problem: `its ${name} is missing` };
    if (bytes !== undefined && found.size !== bytes) {
      return { problem: `its ${name} has ${found.size} bytes instead of ${bytes}` };
    }
  }
  return { entry: { dir, manifest } };
}

/** Returns the files of an entry beside its manifest. The weights of older entries have no known size. */
function filesOf({ weights, files = [] }: Manifest): readonly { name: string; sha256: string; bytes?: number }[] {
  return weights === null ? files : [{ name: weightsFile, ...weights }, ...files];
}

/** Checks the digest of every file of an entry. Returns its problem if a file is damaged. */
export function verifyEntry({ dir, manifest }: StoreEntry): string | undefined {
  return verifyFiles(dir, filesOf(manifest));
}

/** Checks the digests of files in a folder. Returns the problem of the first one that is damaged. */
export function verifyFiles(
  dir: string,
  files: readonly { readonly name: string; readonly sha256: string }[],
): string | undefined {
  for (const { name, sha256: expected } of files) {
    try {
      if (sha256(readFileSync(join(dir, name))) !== expected) return `its ${name} is not as it was written`;
    } catch (error) {
      return `its ${name} cannot be read: ${reason(error)}`;
    }
  }
  return undefined;
}

/**
 * Returns the newest accepted entry of `key` whose every byte is as it was written, or undefined if there is none. A damaged entry is moved
 * aside, and `onDamaged` gets its problem and its new place: nothing wrong is served, and the stage can be computed again.
 */
export function findSoundEntry(
  root: string,
  key: string,
  accepted: AcceptedNumerics,
  onDamaged: (message: string) => void,
): StoreEntry | undefined {
  const discard = (dir: string, problem: string): void => {
    const aside = moveAside(dir);
    if (aside === undefined) return;
    onDamaged(`the stored result is damaged: ${problem}. It was moved to ${aside} and is computed again`);
  };
  for (;;) {
    const entry = findEntry(root, key, accepted, discard);
    const problem = entry === undefined ? undefined : verifyEntry(entry);
    if (entry === undefined || problem === undefined) return entry;
    discard(entry.dir, problem);
  }
}

/**
 * Renames a damaged entry, so that nothing takes it for a good one, and returns its new place. Returns undefined if it is gone, because
 * another process has moved or replaced it meanwhile.
 */
function moveAside(dir: string): string | undefined {
  const aside = `${dir}${damagedMark}${randomBytes(4).toString("hex")}`;
  try {
    renameSync(dir, aside);
  } catch (error) {
    if (!existsSync(dir)) return undefined;
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: dir, why: reason(error) }), { cause: error });
  }
  return aside;
}

/** Reads the weights of an entry. @throws DiagnosticError FSL7030 if they cannot be read or their digest differs. */
export function readWeights(entry: StoreEntry): HostTensors {
  const { dir, manifest } = entry;
  try {
    const bytes = readFileSync(join(dir, weightsFile));
    if (sha256(bytes) !== manifest.weights?.sha256) {
      throw new SafetensorsError("the weights are not the ones that its manifest names");
    }
    return decodeSafetensors(bytes);
  } catch (error) {
    const detail = error instanceof SafetensorsError ? error.message : "its weights cannot be read";
    throw new DiagnosticError(diagnostic("FSL7030", undefined, { path: dir, detail }), { cause: error });
  }
}

/** Returns the value whose hash is the key of an entry, or undefined if its file is damaged. It is for explanations only. */
export function readContent(entry: StoreEntry): Canonical | undefined {
  try {
    return JSON.parse(readFileSync(join(entry.dir, contentFile), "utf8")) as Canonical;
  } catch {
    return undefined;
  }
}

/** Returns every readable entry, the newest first. */
export function allEntries(root: string): StoreEntry[] {
  const keys = list(root).filter((key) => !key.startsWith("."));
  return keys.flatMap((key) => readEntries(join(root, key))).sort(newestFirst);
}

/** The folder of an entry, readable or not. */
export interface EntryFolder {
  readonly key: string;
  readonly dir: string;
  /** True if it was found damaged and moved aside. */
  readonly aside: boolean;
}

/** Returns the folders of all entries. */
export function entryFolders(root: string): EntryFolder[] {
  const keys = list(root).filter((key) => !key.startsWith("."));
  return keys.flatMap((key) =>
    foldersIn(join(root, key)).map((name) => ({ key, dir: join(root, key, name), aside: name.includes(damagedMark) })),
  );
}

/** Returns the readable entries in the folder of a key. */
export function readEntries(dir: string): StoreEntry[] {
  return list(dir).flatMap((name) => {
    const read = readEntry(join(dir, name));
    return "entry" in read ? [read.entry] : [];
  });
}

function newestFirst(a: StoreEntry, b: StoreEntry): number {
  return a.manifest.created < b.manifest.created ? 1 : a.manifest.created > b.manifest.created ? -1 : 0;
}

/** Writes an entry and returns it. An existing entry is replaced in one step. @throws DiagnosticError FSL7031 if it cannot be written. */
export async function writeEntry(root: string, finished: Finished): Promise<StoreEntry> {
  const { weights, content, files = [], ...rest } = finished;
  const bytes = weights === undefined ? undefined : encodeSafetensors(weights.tensors);
  const digest = bytes === undefined ? resultsDigest(rest.results, rest.reports) : sha256(bytes);
  const manifest = sealManifest({
    format: 1,
    ...rest,
    weights:
      weights === undefined || bytes === undefined
        ? null
        : { sha256: digest, bytes: bytes.length, tensors: Object.keys(weights.tensors).length, from: weights.from },
    files: files.map(({ name, bytes: data }) => ({ name, sha256: sha256(data), bytes: data.length })),
    output: digest,
  });
  const parent = join(root, manifest.key);
  const id = numericsId(manifest.numerics);
  const temporary = temporaryPath(join(root, writingFolder));
  try {
    await fillFolder(temporary, async () => {
      if (bytes !== undefined) await writeFile(join(temporary, weightsFile), bytes);
      for (const { name, bytes: data } of files) await writeFile(join(temporary, name), data);
      await writeFile(join(temporary, contentFile), JSON.stringify(content));
      await writeFile(join(temporary, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
    });
    await mkdir(parent, { recursive: true });
    return await publish(temporary, parent, id, manifest);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    const path = join(parent, id);
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
  }
}

/**
 * Renames a written folder to the entry `id`, and returns its place. A rename does not replace a folder with files, so a new entry beside
 * an old one gets a name of its own, and the old one is removed afterwards. At every moment a complete entry exists. If another process
 * publishes the same entry in the same moment, the first one counts: both computed the same. A rename decides that on every file system.
 */
async function publish(temporary: string, parent: string, id: string, manifest: Manifest): Promise<StoreEntry> {
  const older = list(parent).filter((name) => numericsOf(name) === id);
  const name = older.length === 0 ? id : `${id}${versionMark}${randomBytes(4).toString("hex")}`;
  const dir = join(parent, name);
  try {
    await renameFolder(temporary, dir);
  } catch (error) {
    const first = readEntry(dir);
    if ("problem" in first || first.entry.manifest.output !== manifest.output) throw error;
    await rm(temporary, { recursive: true, force: true });
    return first.entry;
  }
  for (const old of older) await removeEntry(join(parent, old)).catch(() => undefined);
  return { dir, manifest };
}

/** Removes an entry. It is renamed first, so that no process finds a part of it and takes it for damaged. */
async function removeEntry(dir: string): Promise<void> {
  const removed = temporaryPath(join(dirname(dirname(dir)), removingFolder));
  await rename(dir, removed); // An old entry that cannot be removed does no harm, because the newest one is served.
  await rm(removed, { recursive: true, force: true });
}

/** Returns the id of the numerics in the name of an entry, or undefined for an entry that was moved aside. */
function numericsOf(name: string): string | undefined {
  return name.includes(damagedMark) ? undefined : name.split(versionMark)[0];
}

/** Returns the names of the folders in a folder, without damaged entries. */
function list(dir: string): string[] {
  return foldersIn(dir).filter((name) => !name.includes(damagedMark));
}

/**
 * Returns the names of the folders in a folder. Foreign files such as `.DS_Store` are passed over.
 *
 * @throws DiagnosticError FSL7031 if the folder cannot be read, because a stage that ends could not be stored there either.
 */
function foldersIn(dir: string): string[] {
  if (!existsSync(dir)) return [];
  try {
    return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: dir, why: reason(error) }), { cause: error });
  }
}
