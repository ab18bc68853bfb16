/** Runs in a thread that decodes images and applies the packed prefixes to them. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import sharp from "sharp";
import { applyFixed, ImageTooSmallError, type PackStep } from "./augment.js";
import type { Box } from "./box.js";
import { decodeImage, mostPixels } from "./decode-image.js";
import { fromInterleaved, isFlat, type Pixels, quarterTurn, withChannels } from "./pixels.js";
import type { RawPixels } from "./sources/source.js";

export interface DecodeRequest {
  readonly id: number;
  readonly channels: number;
  readonly prefixes: readonly (readonly PackStep[])[];
  readonly items: readonly DecodeItem[];
}
export interface DecodeItem {
  readonly bytes: Uint8Array;
  /** The size of the pixels if the bytes are pixels already. */
  readonly raw: RawPixels | undefined;
  /** The box around the object, if the data have one. */
  readonly box: Box | undefined;
  readonly quarterTurns: readonly (0 | 1 | 2 | 3)[];
}
/** The result of an item: its images by turn and prefix, or why it cannot be read, or the crop that it is too small for. */
export type DecodeResult =
  | {
      readonly kind: "images";
      readonly images: readonly (readonly Pixels[])[];
      /** A digest of the encoded bytes. */
      readonly content: string;
      /** True if all pixels, or nearly all, have one value. */
      readonly flat: boolean;
    }
  | { readonly kind: "unreadable"; readonly reason: string }
  | {
      readonly kind: "small";
      readonly transform: string;
      readonly size: number;
      readonly height: number;
      readonly width: number;
    };
export interface DecodeReply {
  readonly id: number;
  readonly results: readonly DecodeResult[];
}

// Sharp uses one thread per image, because fslc has as many threads as cores and each image is small.
sharp.concurrency(1);
sharp.cache(false);

/** The pixels that all threads decode at this time, in thousands. The pool shares it with every thread. */
const inProgress = new Int32Array(
  (workerData as { readonly pixels?: SharedArrayBuffer } | null)?.pixels ?? new ArrayBuffer(4),
);
const mostInProgress = mostPixels / 1000;
const pollMs = 5;

/** Runs the work when its pixels fit the budget of all threads. Nearly all images are so small that none ever waits. */
async function withPixels<T>(count: number, work: () => Promise<T>): Promise<T> {
  const thousands = Math.ceil(count / 1000);
  for (;;) {
    const now = Atomics.load(inProgress, 0);
    const fits = now === 0 || now + thousands <= mostInProgress;
    if (fits && Atomics.compareExchange(inProgress, 0, now, now + thousands) === now) break;
    if (!fits) await sleep(pollMs);
  }
  try {
    return await work();
  } finally {
    Atomics.sub(inProgress, 0, thousands);
  }
}

async function prepare(
  { bytes, raw, box, quarterTurns }: DecodeItem,
  { channels, prefixes }: DecodeRequest,
): Promise<DecodeResult> {
  let image: Pixels;
  try {
    image = withChannels(raw === undefined ? await decodeImage(bytes, withPixels) : bare(bytes, raw), channels);
  } catch (error) {
    return { kind: "unreadable", reason: reasonOf(error) };
  }
  try {
    const images = quarterTurns.map((turn) => {
      const turned = quarterTurn(image, turn);
      return prefixes.map((steps) => steps.reduce((now, step) => applyFixed(step, now, box), turned));
    });
    const first = images[0]?.[0] ?? image;
    return { kind: "images", images, content: contentDigest(bytes, raw), flat: isFlat(first) };
  } catch (error) {
    if (!(error instanceof ImageTooSmallError)) throw error;
    const { transform, size, height, width } = error;
    return { kind: "small", transform, size, height, width };
  }
}

/** Returns the image of pixels that a file stores as they are. */
function bare(bytes: Uint8Array, { interleaved, channels, height, width }: RawPixels): Pixels {
  if (interleaved === true) return fromInterleaved(bytes, height, width, channels);
  return { channels, height, width, data: bytes };
}

/**
 * Returns the first line of an error's message. libvips ends it with a colon if more lines follow, and behind the place of an error in
 * XML it shows the text, which may be that of any file.
 */
function reasonOf(error: unknown): string {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
  return line.replace(/ of data:.*$/, "").replace(/:\s*$/, "");
}

/** Returns a digest that two images share only if their bytes are equal. */
function contentDigest(bytes: Uint8Array, raw: RawPixels | undefined): string {
  const hash = createHash("sha256").update(bytes);
  if (raw !== undefined) hash.update(`${raw.channels} ${raw.height} ${raw.width}`);
  return hash.digest("base64");
}

parentPort?.on("message", (request: DecodeRequest) => {
  void Promise.all(request.items.map((item) => prepare(item, request))).then((results) => {
    const reply: DecodeReply = { id: request.id, results };
    parentPort?.postMessage(reply);
  });
});
