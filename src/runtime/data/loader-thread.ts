/** Runs in a thread that reads packed images, applies the rest of a chain and writes the results into the ring. */
import { openSync, readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { fold, rootKey } from "../../common/random/stream.js";
import type { Transform } from "../../compiler/typed/tree.js";
import { applyStep } from "./augment.js";
import type { Pixels } from "./pixels.js";

export interface LoaderThreadData {
  readonly file: string;
  readonly channels: number;
  /** The offset, checksum, height and width of each row of the split, in shared memory. */
  readonly offsets: Float64Array;
  readonly checksums: Uint32Array;
  readonly heights: Uint16Array;
  readonly widths: Uint16Array;
  readonly steps: readonly Transform[];
  readonly seed: number;
  readonly purpose: string;
  readonly ring: Uint8Array;
  /** The number of bytes of one output image. */
  readonly imageBytes: number;
}
/** A part of a batch. Its images are written to the ring from `offset` on. */
export interface LoaderJob {
  readonly batch: number;
  readonly step: number;
  readonly images: Int32Array;
  /** For each image, the number of times that its step had it before. */
  readonly repeats: Int32Array;
  readonly offset: number;
}
export interface LoaderReply {
  readonly batch: number;
  readonly error: string | undefined;
  /** The image whose stored pixels are not those that were packed. */
  readonly damaged: number | undefined;
}

const data = workerData as LoaderThreadData;
const file = openSync(data.file, "r");
const root = rootKey(data.seed, data.purpose);

/** Thrown for an image whose stored pixels are not those that were packed. */
class DamagedImage extends Error {
  constructor(readonly image: number) {
    super(`the image ${image} is damaged`);
  }
}

/**
 * Reads the pixels of an image and compares them with their checksum. That takes 4 µs for 10 KB, about as long as the read.
 *
 * @throws DamagedImage if they differ.
 */
function read(image: number, into: Uint8Array): void {
  const position = data.offsets[image] as number;
  for (let done = 0; done < into.length; ) {
    const count = readSync(file, into, done, into.length - done, position + done);
    if (count === 0) throw new DamagedImage(image);
    done += count;
  }
  if (crc32(into) !== data.checksums[image]) throw new DamagedImage(image);
}

function produce(image: number, step: number, turn: number, into: Uint8Array): void {
  const height = data.heights[image] as number;
  const width = data.widths[image] as number;
  const bytes = data.channels * height * width;
  if (data.steps.length === 0) {
    read(image, into);
    return;
  }
  let now: Pixels = { channels: data.channels, height, width, data: new Uint8Array(bytes) };
  read(image, now.data);
  const key = fold(fold(fold(root, step), image), turn);
  for (const [i, transform] of data.steps.entries()) now = applyStep(transform, now, key, i);
  into.set(now.data);
}

parentPort?.on("message", ({ batch, step, images, repeats, offset }: LoaderJob) => {
  let error: string | undefined;
  let damaged: number | undefined;
  try {
    for (let i = 0; i < images.length; i++) {
      const start = offset + i * data.imageBytes;
      const into = data.ring.subarray(start, start + data.imageBytes);
      produce(images[i] as number, step, repeats[i] as number, into);
    }
  } catch (caught) {
    if (caught instanceof DamagedImage) damaged = caught.image;
    error = caught instanceof Error ? caught.message : String(caught);
  }
  const reply: LoaderReply = { batch, error, damaged };
  parentPort?.postMessage(reply);
});
