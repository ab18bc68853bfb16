/** Applies the transforms of a chain to one image. Random transforms draw from the key of the image. */

import { fold, type Key, Stream } from "../../common/random/stream.js";
import type { Transform } from "../../compiler/typed/tree.js";
import type { Box } from "./box.js";
import { crop, grayscale, invert, mirror, type Pixels, pixels } from "./pixels.js";
import { resizeBox, resizeShorter, rotate } from "./resample.js";
import { clampByte, jitterColors, posterize, solarize } from "./transforms/colors.js";
import { foreground } from "./transforms/foreground/foreground.js";
import { compress } from "./transforms/jpeg.js";
import { blur, erase } from "./transforms/neighbors.js";
import { randAugment } from "./transforms/rand-augment.js";
import { boxed, trimmed } from "./transforms/windows.js";

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

const draws: Readonly<Record<PackStep["op"], boolean>> = {
  resize: false,
  shrink: false,
  center_crop: false,
  random_crop: true,
  random_resized_crop: true,
  flip: true,
  rotate: true,
  color_jitter: true,
  noise: true,
  compress: true,
  erase: true,
  blur: true,
  posterize: true,
  solarize: true,
  rand_augment: true,
  grayscale: false,
  invert: false,
  normalize: false,
  foreground: false,
  trim: false,
  box: false,
};

/** Returns true if a step draws random numbers. */
export function isRandom({ op }: PackStep): boolean {
  return draws[op];
}

/**
 * Applies a step that draws no random numbers. `normalize` changes nothing here, because the graph of the network computes it. `box` is
 * the box around the object, if the data have one.
 */
export function applyFixed(step: PackStep, image: Pixels, box?: Box): Pixels {
  switch (step.op) {
    case "foreground":
      return foreground(image, box);
    case "trim":
      return trimmed(image, step.bottom);
    case "box":
      return box === undefined ? image : boxed(image, box, step.pad);
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
      return jitterColors(image, [step.brightness, step.contrast, step.saturation], stream);
    case "noise":
      return noise(image, step.std * 255);
    case "compress":
      return happens(step) ? compress(image, wholeBetween(step.quality)) : image;
    case "erase":
      return happens(step) ? erase(image, step.scale, step.ratio, stream) : image;
    case "blur":
      return happens(step) ? blur(image, stream.between(...step.sigma)) : image;
    case "posterize":
      return happens(step) ? posterize(image, step.bits) : image;
    case "solarize":
      return happens(step) ? solarize(image, step.threshold) : image;
    case "rand_augment":
      return randAugment(image, step.count, step.strength, stream);
    default:
      return image;
  }
}

/** Draws whether a step with a probability changes this image. */
function happens({ p }: { readonly p: number }): boolean {
  return stream.uniform() < p;
}

/** Draws a whole number from `low` to `high`. */
function wholeBetween([low, high]: readonly [number, number]): number {
  return low + stream.below(high - low + 1);
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

function noise(image: Pixels, std: number): Pixels {
  const out = pixels(image.channels, image.height, image.width);
  for (let i = 0; i < out.data.length; i++) out.data[i] = clampByte((image.data[i] as number) + std * stream.normal());
  return out;
}
