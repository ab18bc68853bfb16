/** Reads a `.tar.gz` archive completely and in one pass, because a gzip stream can only be read from its start. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { requireRegularFile } from "../system/read-file.js";

const block = 512;
/** The largest archive in bytes, because its content is kept in memory. CIFAR-100 has under 200 MB. */
const most = 2 ** 30;

/**
 * Returns every regular file in the archive by its path.
 *
 * @throws Error if the file is not such an archive, is cut off or is damaged.
 */
export async function readTarGz(path: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  requireRegularFile(path);
  try {
    await pipeline(
      createReadStream(path, { highWaterMark: 1 << 20 }),
      createGunzip({ chunkSize: 1 << 18 }),
      async (chunks: AsyncIterable<Buffer>) => await readMembers(new Chunks(chunks), files),
    );
  } catch (error) {
    throw describeZlibError(error);
  }
  return files;
}

/** Reads any number of bytes from a stream of chunks. */
class Chunks {
  private readonly source: AsyncIterator<Buffer>;
  private chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** Returns the next `length` bytes, or fewer at the end. */
  async take(length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length && (await this.more())) {
      const count = this.chunk.copy(bytes, filled);
      this.chunk = this.chunk.subarray(count);
      filled += count;
    }
    return bytes.subarray(0, filled);
  }

  /** Reads to the end, so that gzip verifies its checksum. */
  async drain(): Promise<void> {
    while (await this.more()) this.chunk = this.chunk.subarray(this.chunk.length);
  }

  private async more(): Promise<boolean> {
    while (this.chunk.length === 0) {
      const next = await this.source.next();
      if (next.done === true) return false;
      this.chunk = next.value;
    }
    return true;
  }
}

async function readMembers(chunks: Chunks, files: Map<string, Buffer>): Promise<void> {
  let total = 0;
  for (;;) {
    const header = await chunks.take(block);
    if (header.length < block) throw new Error("it is cut off");
    // A block of zeros ends the archive.
    if (header.every((byte) => byte === 0)) break;
    const { name, size, regular } = parseHeader(header);
    total += size;
    if (total > most) throw new Error("it holds more than 1 GiB");
    const content = await chunks.take(size);
    const padding = (block - (size % block)) % block;
    if (content.length < size || (await chunks.take(padding)).length < padding) throw new Error("it is cut off");
    if (regular) files.set(name, content);
  }
  await chunks.drain();
}

/** Parses a POSIX ustar header: name 0–99, size 124–135 and checksum 148–155 in octal, type 156, prefix 345–499. */
function parseHeader(header: Buffer): { name: string; size: number; regular: boolean } {
  let sum = 0;
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 0x20 : byte;
  const size = octal(header, 124, 12);
  if (octal(header, 148, 8) !== sum || size === undefined) throw new Error("it is no tar archive, or damaged");
  const name = text(header, 0, 100);
  const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
  const type = header[156];
  return { name: prefix === "" ? name : `${prefix}/${name}`, size, regular: type === 0 || type === 0x30 };
}

function text(header: Buffer, at: number, length: number): string {
  return header.toString("latin1", at, at + length).split("\0", 1)[0] ?? "";
}
function octal(header: Buffer, at: number, length: number): number | undefined {
  const digits = text(header, at, length).trim();
  return /^[0-7]{1,11}$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

/** Replaces the messages of zlib with plain ones. */
function describeZlibError(error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === "Z_BUF_ERROR") return new Error("it is cut off", { cause: error });
  if (code === "Z_DATA_ERROR") return new Error("it is no gzip archive, or damaged", { cause: error });
  return error;
}
