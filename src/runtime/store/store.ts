/**
 * The store of finished stages: `<root>/<key>/<numerics>/` with a manifest and, where the stage has weights, a
 * safetensors file. An entry is written beside its place, flushed, and renamed into it, so it is whole or absent.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { Canonical } from "../../compiler/stages/canonical/value.js";
import type { HostTensors, Numerics } from "../engines/engine.js";
import { reason } from "../system/reason.js";
import { sha256 } from "../system/sha256.js";
import { type Manifest, parseManifest, resultsDigest } from "./manifest.js";
import { numericsId } from "./numerics.js";
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from "./safetensors.js";

export interface StoreEntry {
  readonly dir: string;
  readonly manifest: Manifest;
}

/** Which numerics may serve: any, those of one engine, of one kind of device (`cpu`, `gpu`), or exactly one record. */
export interface AcceptedNumerics {
  readonly engine?: string;
  readonly device?: string;
  readonly numerics?: string;
}

/** A further file of an entry, by its name there. */
export interface StoredFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a finished stage hands over; the store fills in digests. */
export type Finished = Omit<Manifest, "format" | "weights" | "files" | "output"> & {
  readonly files?: readonly StoredFile[];
  /** What the key is a hash of. */
  readonly content: Canonical;
  readonly weights?: { readonly tensors: HostTensors; readonly from: NonNullable<Manifest["weights"]>["from"] };
};

const manifestFile = "manifest.json";
const weightsFile = "weights.safetensors";
const contentFile = "key.json";
/** What the folder of an entry is called while it is written. */
const writing = ".writing-";
/** No entry takes so long to write: what is older was left by a process that died in the middle. */
const abandonedAfter = 3_600_000;

/** The newest entry of `key` that `wanted` allows. Entries that cannot be read are passed over and told to `damaged`. */
export function findEntry(
  root: string,
  key: string,
  wanted: AcceptedNumerics,
  damaged: (dir: string, problem: string) => void = () => {},
): StoreEntry | undefined {
  const entries: StoreEntry[] = [];
  for (const name of list(join(root, key))) {
    if (wanted.numerics !== undefined && name !== wanted.numerics) continue;
    const dir = join(root, key, name);
    const read = readEntry(dir);
    if ("problem" in read) damaged(dir, read.problem);
    else if (accepts(wanted, read.entry.manifest.numerics)) entries.push(read.entry);
  }
  return entries.sort(newestFirst)[0];
}

function accepts({ engine, device }: AcceptedNumerics, numerics: Numerics): boolean {
  return (engine ?? numerics.engine) === numerics.engine && (device ?? numerics.device) === numerics.device;
}

/** The entry in a folder, or what is wrong with it. */
export function readEntry(dir: string): { readonly entry: StoreEntry } | { readonly problem: string } {
  let text: string;
  try {
    text = readFileSync(join(dir, manifestFile), "utf8");
  } catch {
    return { problem: "it has no manifest" };
  }
  const parsed = parseManifest(text);
  if ("problem" in parsed) return parsed;
  if (parsed.manifest.weights !== null && !existsSync(join(dir, weightsFile))) {
    return { problem: "its weights are missing" };
  }
  const lost = parsed.manifest.files?.find(({ name }) => !existsSync(join(dir, name)));
  if (lost !== undefined) return { problem: `its ${lost.name} is missing` };
  return { entry: { dir, manifest: parsed.manifest } };
}

/** The weights of an entry, their digest checked. Throws the diagnostic of a damaged entry. */
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

/** What the key of an entry is a hash of; undefined where that file is damaged: it is for explanations only. */
export function readContent(entry: StoreEntry): Canonical | undefined {
  try {
    return JSON.parse(readFileSync(join(entry.dir, contentFile), "utf8")) as Canonical;
  } catch {
    return undefined;
  }
}

/** Every readable entry, newest first. */
export function allEntries(root: string): StoreEntry[] {
  const entries = list(root)
    .filter((key) => !key.startsWith("."))
    .flatMap((key) => list(join(root, key)).map((name) => readEntry(join(root, key, name))))
    .flatMap((read) => ("entry" in read ? [read.entry] : []));
  return entries.sort(newestFirst);
}

function newestFirst(a: StoreEntry, b: StoreEntry): number {
  return a.manifest.created < b.manifest.created ? 1 : a.manifest.created > b.manifest.created ? -1 : 0;
}

/** Writes an entry and gives it back. An entry that lies there already is replaced in one step. */
export function writeEntry(root: string, finished: Finished): StoreEntry {
  const { weights, content, files = [], ...rest } = finished;
  const bytes = weights === undefined ? undefined : encodeSafetensors(weights.tensors);
  const digest = bytes === undefined ? resultsDigest(rest.results, rest.reports) : sha256(bytes);
  const manifest: Manifest = {
    format: 1,
    ...rest,
    weights:
      weights === undefined
        ? null
        : { sha256: digest, tensors: Object.keys(weights.tensors).length, from: weights.from },
    files: files.map(({ name, bytes: data }) => ({ name, sha256: sha256(data), bytes: data.length })),
    output: digest,
  };
  const parent = join(root, manifest.key);
  const dir = join(parent, numericsId(manifest.numerics));
  const beside = join(root, `${writing}${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    mkdirSync(beside, { recursive: true });
    sweep(root, beside);
    if (bytes !== undefined) writeFlushed(join(beside, weightsFile), bytes);
    for (const { name, bytes: data } of files) writeFlushed(join(beside, name), data);
    writeFlushed(join(beside, contentFile), Buffer.from(JSON.stringify(content)));
    writeFlushed(join(beside, manifestFile), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    mkdirSync(parent, { recursive: true });
    replace(beside, dir);
  } catch (error) {
    if (existsSync(beside)) rmSync(beside, { recursive: true });
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: dir, why: reason(error) }), { cause: error });
  }
  return { dir, manifest };
}

/** Removes what writers that died have left. `beside` is fresh: its time is now, by the clock of the disk. */
function sweep(root: string, beside: string): void {
  const now = statSync(beside).mtimeMs;
  for (const name of list(root)) {
    if (!name.startsWith(writing)) continue;
    const path = join(root, name);
    const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now;
    if (now - written > abandonedAfter) rmSync(path, { recursive: true, force: true });
  }
}

/** Renames `from` to `to`; a folder that lies there is moved away first, as a rename does not replace a full one. */
function replace(from: string, to: string): void {
  const old = `${from}-old`;
  if (existsSync(to)) renameSync(to, old);
  renameSync(from, to);
  rmSync(old, { recursive: true, force: true });
}

function writeFlushed(path: string, bytes: Uint8Array): void {
  const file = openSync(path, "w");
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function list(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}
