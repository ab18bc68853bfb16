/** Writes the images of one prefix one after another, and keeps the offset, checksum and size of each. */
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { indexBytes } from "./pack-files.js";
import type { Pixels } from "./pixels.js";

/** The size of a written image, and the checksum of its pixels. */
export interface WrittenImage {
  readonly height: number;
  readonly width: number;
  readonly checksum: number;
}

export class RowWriter {
  /** The bytes that are not in the file yet. */
  pendingBytes = 0;
  private pending: Uint8Array[] = [];
  private position = 0;
  private readonly offsets: Float64Array;
  private readonly checksums: Uint32Array;
  private readonly heights: Uint16Array;
  private readonly widths: Uint16Array;

  constructor(
    private readonly handle: FileHandle,
    rows: number,
    private readonly channels: number,
  ) {
    this.offsets = new Float64Array(rows).fill(-1);
    this.checksums = new Uint32Array(rows);
    this.heights = new Uint16Array(rows);
    this.widths = new Uint16Array(rows);
  }

  add(row: number, { height, width, data }: Pixels): WrittenImage {
    const image = { height, width, checksum: crc32(data) };
    this.place(row, image, data.length);
    this.pending.push(data);
    this.pendingBytes += data.length;
    return image;
  }

  /** Takes the next image of the file, which an earlier process has written. Returns false if it is not there as it was written. */
  async restore(row: number, image: WrittenImage): Promise<boolean> {
    const bytes = new Uint8Array(image.height * image.width * this.channels);
    const { bytesRead } = await this.handle.read(bytes, 0, bytes.length, this.position);
    if (bytesRead < bytes.length || crc32(bytes) !== image.checksum) return false;
    this.place(row, image, bytes.length);
    return true;
  }

  /** Removes what is in the file behind the images that were restored. */
  async truncate(): Promise<void> {
    await this.handle.truncate(this.position);
  }

  /** Returns the checksum of the pixels of a row. */
  checksum(row: number): number {
    return this.checksums[row] as number;
  }

  async flush(): Promise<void> {
    if (this.pending.length > 0) await this.handle.writev(this.pending);
    this.pending = [];
    this.pendingBytes = 0;
  }

  /** Returns the index of the file. `kept` has the rows that could be read, in order. */
  finish(kept: readonly number[]): {
    index: Uint8Array;
    bytes: number;
    height: number;
    width: number;
    uniform: boolean;
  } {
    const count = kept.length;
    const index = new Uint8Array(count * indexBytes);
    const view = new DataView(index.buffer);
    let height = 0;
    let width = 0;
    for (const [i, row] of kept.entries()) {
      const h = this.heights[row] as number;
      const w = this.widths[row] as number;
      view.setFloat64(8 * i, this.offsets[row] as number, true);
      view.setUint32(8 * count + 4 * i, this.checksums[row] as number, true);
      view.setUint16(12 * count + 2 * i, h, true);
      view.setUint16(14 * count + 2 * i, w, true);
      height = Math.max(height, h);
      width = Math.max(width, w);
    }
    const uniform = kept.every((row) => this.heights[row] === height && this.widths[row] === width);
    return { index, bytes: this.position, height, width, uniform };
  }

  private place(row: number, { height, width, checksum }: WrittenImage, bytes: number): void {
    this.offsets[row] = this.position;
    this.checksums[row] = checksum;
    this.heights[row] = height;
    this.widths[row] = width;
    this.position += bytes;
  }
}
