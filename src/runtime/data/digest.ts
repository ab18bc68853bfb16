/** What a source's bytes are, without reading them again while nothing changed. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { replaceFile } from "./atomic-files.js";

/** Below this a file is read at once: a stream takes longer to set up than to read it. */
const small = 1 << 20;

async function fileDigest(path: string, size: number): Promise<string> {
  const hash = createHash("sha256");
  if (size < small) return hash.update(await readFile(path)).digest("hex");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/** How the file system describes a file: while this stays, its bytes are taken to stay. */
async function fileState(path: string): Promise<{ size: number; mark: string }> {
  const { size, mtimeMs, ctimeMs, ino } = await stat(path);
  return { size, mark: `${size}:${mtimeMs}:${ctimeMs}:${ino}` };
}

/** A fingerprint of the state of files and of everything in folders. @throws an ENOENT error where one is missing. */
export async function fingerprint(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  const visit = async (path: string): Promise<void> => {
    const info = await stat(path);
    if (!info.isDirectory()) {
      hash.update(`${path}\n${info.size}:${info.mtimeMs}:${info.ctimeMs}:${info.ino}\n`);
      return;
    }
    const names = (await readdir(path)).sort();
    // Marks of one folder are asked for together and hashed in order.
    const inner = await Promise.all(
      names.map(async (name) => {
        const child = join(path, name);
        const found = await stat(child).catch(() => undefined);
        if (found === undefined) return `${child}\ngone\n`;
        if (found.isDirectory()) return child;
        return `${child}\n${found.size}:${found.mtimeMs}:${found.ctimeMs}:${found.ino}\n`;
      }),
    );
    for (const entry of inner) {
      if (entry.endsWith("\n")) hash.update(entry);
      else await visit(entry);
    }
  };
  for (const path of paths) await visit(path);
  return hash.digest("hex");
}

/** sha256 of files, kept with the mark that each had: only new and changed ones are read. */
export class DigestCache {
  private changed = false;
  private constructor(
    private readonly path: string,
    private readonly known: Map<string, { readonly mark: string; readonly sha256: string }>,
  ) {}

  static async open(path: string): Promise<DigestCache> {
    const text = await readFile(path, "utf8").catch(() => undefined);
    return new DigestCache(path, new Map(text === undefined ? [] : parseKnown(text)));
  }

  async digest(file: string): Promise<string> {
    const now = await fileState(file);
    const found = this.known.get(file);
    if (found?.mark === now.mark) return found.sha256;
    const digest = await fileDigest(file, now.size);
    this.known.set(file, { mark: now.mark, sha256: digest });
    this.changed = true;
    return digest;
  }

  async save(): Promise<void> {
    if (!this.changed) return;
    const lines = [...this.known].map(([file, { mark: m, sha256: s }]) => `${s} ${m} ${file}`);
    await replaceFile(this.path, `${lines.join("\n")}\n`);
    this.changed = false;
  }
}

/** Lines of digest, mark and path; others (of a file cut off) are left out, and their files are read again. */
function parseKnown(text: string): [string, { mark: string; sha256: string }][] {
  return text.split("\n").flatMap((line) => {
    const match = /^([0-9a-f]{64}) (\S+) (.+)$/.exec(line);
    const [, digest, m, file] = match ?? [];
    return digest === undefined || m === undefined || file === undefined ? [] : [[file, { mark: m, sha256: digest }]];
  });
}
