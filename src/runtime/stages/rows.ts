/** Keeps the embedding rows of a split, by image: in memory if they are small, otherwise in a file that is read by position. */
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import type { HostTensor } from "../engines/engine.js";

/** The most bytes of memory that the rows of one network output take. */
const memoryLimit = 512 * 2 ** 20;
/** Counts the files, so that two that are open at the same time have different names. */
let fileCount = 0;

/** One row for each image of a list. */
export class Rows {
  /** The count of numbers in one row. */
  readonly width: number;
  private readonly place: ReadonlyMap<number, number>;
  private readonly memory: Float32Array | undefined;
  private readonly file: number | undefined;
  private readonly path: string;

  /** Reserves space for the rows of `images`. If they exceed `limit` bytes, it creates a file called `spill-N.f32`. */
  constructor(images: Int32Array, width: number, spill: string, limit = memoryLimit) {
    this.width = width;
    this.place = new Map(Array.from(images, (image, i) => [image, i]));
    this.path = `${spill}-${fileCount++}.f32`;
    if (images.length * width * 4 <= limit) this.memory = new Float32Array(images.length * width);
    else {
      this.file = openSync(this.path, "wx+");
      // The file loses its name at once and lives until it is closed, so that a killed process leaves nothing.
      rmSync(this.path);
    }
  }

  /** Stores the rows of the images at `start`, `start + 1`, … in the list that was given to the constructor. */
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

  /** Releases the rows and the space of their file. */
  close(): void {
    if (this.file !== undefined) closeSync(this.file);
  }
}

/** Returns the rows of some images as a tensor [image, number]. */
export function rowsTensor(rows: Rows, images: Int32Array): HostTensor {
  const data = new Float32Array(images.length * rows.width);
  rows.gather(images, data, 0);
  return { shape: [images.length, rows.width], dtype: "f32", data };
}
