/** Reads the entries of a zip archive in place. */
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import { crc32, inflateRaw, inflateRawSync } from "node:zlib";
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader } from "yauzl";
import { requireRegularFile } from "../system/read-file.js";
import { decodeZipName } from "./zip-names.js";

const inflate = promisify(inflateRaw);
/** The size below which decompressing takes less time than a switch to the thread pool. */
const small = 1 << 16;

/** The largest entry in bytes, and the largest ratio of an entry of more than a megabyte. Images hardly shrink in an archive. */
const mostBytes = 512 * 2 ** 20;
const mostRatio = 100;
const ratioFrom = 2 ** 20;

/**
 * Inflates an entry, and no further than the size that the archive states.
 *
 * @throws Error if the content is larger, or damaged.
 */
async function decompress(bytes: Buffer, size: number): Promise<Buffer> {
  const options = { maxOutputLength: Math.max(1, size) };
  try {
    return bytes.length < small ? inflateRawSync(bytes, options) : ((await inflate(bytes, options)) as Buffer);
  } catch (error) {
    const tooLarge = (error as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE";
    throw new Error(tooLarge ? "it is larger than the archive states" : "it is damaged in the archive", {
      cause: error,
    });
  }
}

/** @throws Error if an entry would unpack to a size that no image has. */
function requireSize({ uncompressedSize, compressedSize }: Entry): void {
  const times = uncompressedSize / Math.max(1, compressedSize);
  if (uncompressedSize > mostBytes || (uncompressedSize > ratioFrom && times > mostRatio)) {
    const size = `${Math.round(uncompressedSize / 2 ** 20)} MiB`;
    throw new Error(
      `it would unpack to ${size}, ${Math.round(times)} times its size in the archive, which no image does`,
    );
  }
}

/** The size of a local header without the name, which it repeats from the central directory, and without its own extra field. */
const localHeader = 30;
const windowBytes = 1 << 20;

/** Reads a megabyte at a time for yauzl. Otherwise a directory of 20,000 entries would take 40,000 tiny reads. */
class WindowReader extends RandomAccessReader {
  private window = Buffer.alloc(0);
  private start = 0;

  constructor(private readonly handle: FileHandle) {
    super();
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.fill(position, length).then(
      () => {
        this.window.copy(buffer, offset, position - this.start, position - this.start + length);
        callback(null);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    );
  }

  private async fill(position: number, length: number): Promise<void> {
    if (position >= this.start && position + length <= this.start + this.window.length) return;
    const window = Buffer.allocUnsafe(Math.max(windowBytes, length));
    const { bytesRead } = await this.handle.read(window, 0, window.length, position);
    if (bytesRead < length) throw new Error("the archive is cut off");
    this.window = window.subarray(0, bytesRead);
    this.start = position;
  }

  /** Does not close the handle, because the archive still reads entries with it. */
  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }
}

export class Zip {
  private constructor(
    private readonly handle: FileHandle,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  /**
   * Opens an archive.
   *
   * @throws Error if the file is not a zip archive.
   */
  static async open(path: string): Promise<Zip> {
    requireRegularFile(path);
    const handle = await open(path, "r");
    try {
      const { size } = await handle.stat();
      const zip = await fromRandomAccessReaderPromise(new WindowReader(handle), size, {
        autoClose: false,
        decodeStrings: false,
      });
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        const { name } = decodeZipName(entry.fileNameRaw, entry.generalPurposeBitFlag, entry.extraFieldRaw);
        if (!name.endsWith("/")) entries.set(name, entry);
      }
      return new Zip(handle, entries);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Returns the names of its files in the order of the archive. */
  names(): readonly string[] {
    return [...this.entries.keys()];
  }

  /**
   * Returns the bytes of a file.
   *
   * @throws Error if the file is missing or damaged.
   */
  async read(name: string): Promise<Buffer> {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error("no such entry in the archive");
    if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
      throw new Error(`compressed by method ${entry.compressionMethod}, which is not supported`);
    }
    if (entry.isEncrypted()) throw new Error("it is encrypted");
    requireSize(entry);
    // One read gets the header, the name and the content if the local extra field has its usual size.
    const likely = localHeader + entry.fileNameLength + entry.extraFieldLength + entry.compressedSize;
    let local = await this.bytes(entry.relativeOffsetOfLocalHeader, likely);
    const start = localHeader + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (start + entry.compressedSize > local.length) {
      local = await this.bytes(entry.relativeOffsetOfLocalHeader, start + entry.compressedSize);
    }
    const stored = local.subarray(start, start + entry.compressedSize);
    const content = entry.compressionMethod === 0 ? stored : await decompress(stored, entry.uncompressedSize);
    if (crc32(content) !== entry.crc32) throw new Error("its checksum in the archive does not match");
    return content;
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
