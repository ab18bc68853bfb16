/** Applies the transforms of a chain to one image. Random transforms draw from the key of the image. */

import { fold, type Key, Stream } from "../../common/random/stream.js";
import type { Transform } from "../../compiler/typed/tree.js";
import { crop, grayscale, invert, luma, mirror, type Pixels, pixels } from "./pixels.js";
import { resizeBox, resizeShorter, rotate } from "./resample.js";

/** A transform, or the step that a pack does before a random-resized crop: it shrinks the shorter side to at most `size`. */
export type PackStep = Transform | { readonly op: "shrink"; readonly size: number };

/** The error of a crop that is larger than the image. The caller knows the name of the image and makes a diagnostic of it. */
export class ImageTooSmallError extends Error {
  constructor(
    readonly transform: string,
    readonly size: number,
    readonly height: number,
    readonly width: number,
  ) {
    super(`${height} × ${width} pixels are too few for ${transform}(${size})`);
  }
}

/** Returns true if a step draws random numbers. */
export function isRandom({ op }: PackStep): boolean {
  return (
    op === "random_crop" ||
    op === "random_resized_crop" ||
    op === "flip" ||
    op === "rotate" ||
    op === "color_jitter" ||
    op === "noise"
  );
}

/** Applies a step that draws no random numbers. `normalize` changes nothing here, because the graph of the network computes it. */
export function applyFixed(step: PackStep, image: Pixels): Pixels {
  switch (step.op) {
    case "resize":
      return resizeShorter(image, step.size);
    case "shrink":
      return Math.min(image.height, image.width) <= step.size ? image : resizeShorter(image, step.size);
    case "center_crop":
      requireMinimumSize(step.op, step.size, image, 0);
      return crop(
        image,
        Math.round((image.height - step.size) / 2),
        Math.round((image.width - step.size) / 2),
        step.size,
      );
    case "grayscale":
      return grayscale(image);
    case "invert":
      return invert(image);
    case "normalize":
      return image;
    default:
      throw new Error(`${step.op} draws random numbers`);
  }
}

const stream = new Stream([0, 0]);

/**
 * Applies one step of a chain. `key` belongs to the image in a training step. Each step folds its place in the chain into
 * the key, so that a changed probability or strength does not change what the other steps draw.
 */
export function applyStep(step: PackStep, image: Pixels, key: Key, place: number): Pixels {
  if (!isRandom(step)) return applyFixed(step, image);
  stream.reset(fold(key, place));
  switch (step.op) {
    case "random_crop": {
      requireMinimumSize(step.op, step.size, image, step.pad);
      const top = stream.below(image.height + 2 * step.pad - step.size + 1) - step.pad;
      const left = stream.below(image.width + 2 * step.pad - step.size + 1) - step.pad;
      return crop(image, top, left, step.size);
    }
    case "random_resized_crop":
      return randomResizedCrop(image, step.size, step.scale, step.ratio);
    case "flip":
      return stream.uniform() < step.p ? mirror(image) : image;
    case "rotate":
      return rotate(image, stream.between(-step.degrees, step.degrees));
    case "color_jitter":
      return jitterColors(image, step.brightness, step.contrast, step.saturation);
    case "noise":
      return noise(image, step.std * 255);
    default:
      return image;
  }
}

function requireMinimumSize(transform: string, size: number, { height, width }: Pixels, pad: number): void {
  if (Math.min(height, width) + 2 * pad < size) throw new ImageTooSmallError(transform, size, height, width);
}

/**
 * Takes a box with a share of the area in `scale` and a ratio of width to height in `ratio` (uniform in its logarithm), and
 * resizes it to size × size. If ten boxes do not fit, it takes the largest centered box with a ratio in range (Szegedy et al.
 * 2015, as in torchvision).
 */
function randomResizedCrop(
  image: Pixels,
  size: number,
  scale: readonly [number, number],
  ratio: readonly [number, number],
): Pixels {
  const { height, width } = image;
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * stream.between(scale[0], scale[1]);
    const shape = Math.exp(stream.between(Math.log(ratio[0]), Math.log(ratio[1])));
    const boxWidth = Math.round(Math.sqrt(area * shape));
    const boxHeight = Math.round(Math.sqrt(area / shape));
    if (boxWidth < 1 || boxHeight < 1 || boxWidth > width || boxHeight > height) continue;
    const top = stream.below(height - boxHeight + 1);
    const left = stream.below(width - boxWidth + 1);
    return resizeBox(image, top, left, boxHeight, boxWidth, size);
  }
  const shape = Math.min(ratio[1], Math.max(ratio[0], width / height));
  const boxWidth = Math.min(width, Math.round(height * shape));
  const boxHeight = Math.min(height, Math.round(width / shape));
  return resizeBox(
    image,
    Math.floor((height - boxHeight) / 2),
    Math.floor((width - boxWidth) / 2),
    boxHeight,
    boxWidth,
    size,
  );
}

/**
 * Changes brightness, contrast (about the mean luma) and saturation (about the luma of each pixel) in random order. Each
 * factor is uniform in [max(0, 1 − strength), 1 + strength]. Bytes are rounded after each change.
 */
function jitterColors(image: Pixels, brightness: number, contrast: number, saturation: number): Pixels {
  const factors = [brightness, contrast, saturation].map((s) => stream.between(Math.max(0, 1 - s), 1 + s));
  const order = [0, 1, 2];
  for (let i = 2; i > 0; i--) {
    const j = stream.below(i + 1);
    const kept = order[i] as number;
    order[i] = order[j] as number;
    order[j] = kept;
  }
  const out = pixels(image.channels, image.height, image.width);
  out.data.set(image.data);
  for (const which of order) {
    const factor = factors[which] as number;
    if (which === 0) blend(out.data, factor, 0);
    else if (which === 1) blend(out.data, factor, Math.floor(meanLuma(out) + 0.5));
    else if (out.channels === 3) saturate(out, factor);
  }
  return out;
}

const table = new Uint8Array(256);
function blend(data: Uint8Array, factor: number, toward: number): void {
  if (factor === 1) return;
  for (let v = 0; v < 256; v++) table[v] = clampByte(toward + factor * (v - toward));
  for (let i = 0; i < data.length; i++) data[i] = table[data[i] as number] as number;
}

function meanLuma({ channels, height, width, data }: Pixels): number {
  const plane = height * width;
  let sum = 0;
  if (channels === 3) for (let i = 0; i < plane; i++) sum += luma(data, plane, i);
  else for (let i = 0; i < plane; i++) sum += data[i] as number;
  return sum / plane;
}

function saturate({ height, width, data }: Pixels, factor: number): void {
  if (factor === 1) return;
  const plane = height * width;
  for (let i = 0; i < plane; i++) {
    const gray = luma(data, plane, i) * (1 - factor);
    data[i] = clampByte(gray + factor * (data[i] as number));
    data[plane + i] = clampByte(gray + factor * (data[plane + i] as number));
    data[2 * plane + i] = clampByte(gray + factor * (data[2 * plane + i] as number));
  }
}

function noise(image: Pixels, std: number): Pixels {
  const out = pixels(image.channels, image.height, image.width);
  for (let i = 0; i < out.data.length; i++) out.data[i] = clampByte((image.data[i] as number) + std * stream.normal());
  return out;
}

function clampByte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : (value + 0.5) | 0;
}
