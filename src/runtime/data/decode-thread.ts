/** A thread that decodes images and runs the packed prefixes on them. */
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
  /** The bytes are pixels of this size already. */
  readonly raw: RawPixels | undefined;
  readonly quarterTurns: readonly (0 | 1 | 2 | 3)[];
}
/** Per item: per turn, per prefix an image; or why it cannot be read; or which crop it is too small for. */
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

// One thread of sharp's per image: there are as many of ours as cores, and each image is small.
sharp.concurrency(1);
sharp.cache(false);

/** On white where it is transparent, upright by its EXIF record, 8 bits, RGB or gray. */
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
    // libvips says more on further lines, and ends the first with a colon then.
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
