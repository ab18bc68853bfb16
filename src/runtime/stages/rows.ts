/** Embedding rows of a split, by image: in memory while that is small, else in a file read by position. */
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";

/** Rows of one network output take at most this many bytes of memory. */
const memoryLimit = 512 * 2 ** 20;
/** Files so far: two that are open together, as of images and of what is fitted from others, are never one. */
let files = 0;

export class Rows {
  /** Numbers in one row. */
  readonly width: number;
  private readonly place: ReadonlyMap<number, number>;
  private readonly memory: Float32Array | undefined;
  private readonly file: number | undefined;
  private readonly path: string;

  /** Room for the rows of `images`: where they do not fit into `limit` bytes of memory, a new file called `spill-N.f32`. */
  constructor(images: Int32Array, width: number, spill: string, limit = memoryLimit) {
    this.width = width;
    this.place = new Map(Array.from(images, (image, i) => [image, i]));
    this.path = `${spill}-${files++}.f32`;
    if (images.length * width * 4 <= limit) this.memory = new Float32Array(images.length * width);
    else this.file = openSync(this.path, "wx+");
  }

  /** Stores rows for the images that stand at `start`, `start + 1`, … of the list given at the beginning. */
  write(start: number, rows: Float32Array): void {
    if (this.memory !== undefined) this.memory.set(rows, start * this.width);
    else if (this.file !== undefined) {
      const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(this.file, bytes, at, bytes.length - at, start * this.width * 4 + at);
      }
    }
  }

  /** Copies the rows of `images` into `target` from element `at` on. */
  gather(images: Int32Array, target: Float32Array, at: number): void {
    let offset = at;
    for (const image of images) {
      const place = this.place.get(image);
      if (place === undefined) throw new Error(`the image ${image} was not embedded`);
      const row = target.subarray(offset, offset + this.width);
      if (this.memory !== undefined) row.set(this.memory.subarray(place * this.width, (place + 1) * this.width));
      else if (this.file !== undefined) {
        const read = readSync(this.file, row, 0, row.byteLength, place * this.width * 4);
        if (read < row.byteLength) throw new Error(`${this.path} is cut off`);
      }
      offset += this.width;
    }
  }

  close(): void {
    if (this.file === undefined) return;
    closeSync(this.file);
    rmSync(this.path, { force: true });
  }
}
