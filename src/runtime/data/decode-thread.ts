/** Runs in a thread that decodes images and applies the packed prefixes to them. */
import { parentPort } from "node:worker_threads";
import sharp from "sharp";
import { applyFixed, ImageTooSmallError, type PackStep } from "./augment.js";
import { fromInterleaved, type Pixels, quarterTurn, withChannels } from "./pixels.js";
import { decodePlainPng } from "./png.js";
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
  readonly quarterTurns: readonly (0 | 1 | 2 | 3)[];
}
/** The result of an item: its images by turn and prefix, or why it cannot be read, or the crop that it is too small for. */
export type DecodeResult =
  | { readonly kind: "images"; readonly images: readonly (readonly Pixels[])[] }
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

/** Decodes an image to 8 bits of RGB or gray, upright by its EXIF record, with white behind transparent parts. */
async function decode(bytes: Uint8Array): Promise<Pixels> {
  const drawing = decodePlainPng(bytes);
  if (drawing !== undefined) return drawing;
  const { data, info } = await sharp(bytes, { failOn: "error" })
    .autoOrient()
    .flatten({ background: "#fff" })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return fromInterleaved(data, info.height, info.width, info.channels);
}

async function prepare(
  { bytes, raw, quarterTurns }: DecodeItem,
  { channels, prefixes }: DecodeRequest,
): Promise<DecodeResult> {
  let image: Pixels;
  try {
    image = withChannels(raw === undefined ? await decode(bytes) : { ...raw, data: bytes }, channels);
  } catch (error) {
    // The message of libvips may have more lines. Its first line then ends with a colon.
    const reason =
      (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]?.replace(/:\s*$/, "") ?? "";
    return { kind: "unreadable", reason };
  }
  try {
    const images = quarterTurns.map((turn) => {
      const turned = quarterTurn(image, turn);
      return prefixes.map((steps) => steps.reduce((now, step) => applyFixed(step, now), turned));
    });
    return { kind: "images", images };
  } catch (error) {
    if (!(error instanceof ImageTooSmallError)) throw error;
    const { transform, size, height, width } = error;
    return { kind: "small", transform, size, height, width };
  }
}

parentPort?.on("message", (request: DecodeRequest) => {
  void Promise.all(request.items.map((item) => prepare(item, request))).then((results) => {
    const reply: DecodeReply = { id: request.id, results };
    parentPort?.postMessage(reply);
  });
});
