/** Zip archives read in place: entries by name, by position. */
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { type Entry, openPromise } from "yauzl";

const inflate = promisify(inflateRaw);
/** Sizes of the local header before the name (it repeats the central directory's name and has its own extra field). */
const LOCAL_HEADER = 30;

export class Zip {
  private constructor(
    private readonly handle: FileHandle,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  /** @throws Error where the file is not a zip archive. */
  static async open(path: string): Promise<Zip> {
    const zip = await openPromise(path, { autoClose: false });
    const entries = new Map<string, Entry>();
    try {
      for await (const entry of zip.eachEntry()) {
        if (!entry.fileName.endsWith("/")) entries.set(entry.fileName, entry);
      }
    } finally {
      zip.close();
    }
    return new Zip(await open(path, "r"), entries);
  }

  /** Names of its files, in the archive's order. */
  names(): readonly string[] {
    return [...this.entries.keys()];
  }

  /** The bytes of a file. @throws Error where it is not there or damaged. */
  async read(name: string): Promise<Buffer> {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error("no such entry in the archive");
    if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
      throw new Error(`compressed by method ${entry.compressionMethod}, which is not supported`);
    }
    const header = await this.bytes(entry.relativeOffsetOfLocalHeader, LOCAL_HEADER);
    const start = entry.relativeOffsetOfLocalHeader + LOCAL_HEADER + header.readUInt16LE(26) + header.readUInt16LE(28);
    const stored = await this.bytes(start, entry.compressedSize);
    return entry.compressionMethod === 0 ? stored : await inflate(stored);
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private async bytes(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.handle.read(buffer, 0, length, position);
    if (bytesRead < length) throw new Error("the archive is cut off");
    return buffer;
  }
}
