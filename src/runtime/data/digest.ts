/** Computes digests of source files, and does not read a file again while its state stays the same. */
import { createHash } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { replaceFile } from "../system/durable.js";
import { isHidden, LinkGuard } from "./file-tree.js";

/** The size below which a file is read at once, because setting up a stream takes longer than reading it. */
const small = 1 << 20;

async function fileDigest(path: string, size: number): Promise<string> {
  const hash = createHash("sha256");
  if (size < small) return hash.update(await readFile(path)).digest("hex");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/** Describes the state of a file in the file system. While the description stays the same, the bytes are taken to be the same. */
function describeState({ size, mtimeMs, ctimeMs, ino }: Stats): string {
  return `${size}:${mtimeMs}:${ctimeMs}:${ino}`;
}

/** An entry of a folder: a folder to visit, or the state of a file. */
type FolderEntry = { readonly folder: string } | { readonly path: string; readonly state: string };

/**
 * Returns a fingerprint of the state of files and of everything in folders.
 *
 * @throws an ENOENT error if one of the paths does not exist, and a LinkError if links lead in a
 * circle or to the same folders very often.
 */
export async function fingerprint(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  const guard = new LinkGuard();
  const visit = async (path: string, above: readonly string[]): Promise<void> => {
    const info = await stat(path);
    if (!info.isDirectory()) {
      hash.update(`${JSON.stringify(path)}\n${describeState(info)}\n`);
      return;
    }
    const id = guard.enter(path, info, above);
    for (const entry of await folderEntries(path)) {
      if ("folder" in entry) await visit(entry.folder, [...above, id]);
      else hash.update(`${JSON.stringify(entry.path)}\n${entry.state}\n`);
    }
  };
  for (const path of paths) await visit(path, []);
  return hash.digest("hex");
}

/**
 * Returns the entries of a folder in order, without hidden ones, which no source reads: the root of a dataset may be the project
 * itself, and fslc writes into its `.fslc`. All states are read at once.
 */
async function folderEntries(folder: string): Promise<FolderEntry[]> {
  const names = (await readdir(folder)).filter((name) => !isHidden(name)).sort();
  return await Promise.all(
    names.map(async (name): Promise<FolderEntry> => {
      const path = join(folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) return { path, state: "gone" };
      return found.isDirectory() ? { folder: path } : { path, state: describeState(found) };
    }),
  );
}

/**
 * Keeps the SHA-256 of files with the state that each file had, so that only new and changed files are read. Each line of its
 * file is a JSON array, so that any character may occur in a path, with a checksum of the line.
 */
export class DigestCache {
  private changed = false;
  private constructor(
    readonly path: string,
    private readonly known: Map<string, { readonly state: string; readonly sha256: string }>,
  ) {}

  static async open(path: string): Promise<DigestCache> {
    const text = await readFile(path, "utf8").catch(() => undefined);
    return new DigestCache(path, new Map(text === undefined ? [] : parseKnown(text)));
  }

  async digest(file: string): Promise<string> {
    const info = await stat(file);
    if (!info.isFile()) throw new Error("it is not a file");
    const state = describeState(info);
    const found = this.known.get(file);
    if (found?.state === state) return found.sha256;
    const digest = await fileDigest(file, info.size);
    this.known.set(file, { state, sha256: digest });
    this.changed = true;
    return digest;
  }

  async save(): Promise<void> {
    if (!this.changed) return;
    const lines = [...this.known].map(([file, { state, sha256 }]) => {
      return JSON.stringify([sha256, state, file, lineChecksum(sha256, state, file)]);
    });
    await replaceFile(this.path, `${lines.join("\n")}\n`);
    this.changed = false;
  }
}

function lineChecksum(sha256: string, state: string, file: string): number {
  return crc32(JSON.stringify([sha256, state, file]));
}

/** Parses the lines of the file. It leaves out damaged lines, as at the end of a file that was cut off: those files are read again. */
function parseKnown(text: string): [string, { state: string; sha256: string }][] {
  return text.split("\n").flatMap((line) => {
    try {
      const [sha256, state, file, checksum] = JSON.parse(line) as unknown[];
      if (typeof sha256 !== "string" || typeof state !== "string" || typeof file !== "string") return [];
      return checksum === lineChecksum(sha256, state, file) ? [[file, { state, sha256 }]] : [];
    } catch {
      return [];
    }
  });
}
