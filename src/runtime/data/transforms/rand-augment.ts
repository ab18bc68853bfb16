/** RandAugment (Cubuk et al. 2020): a few transforms of a list, each with one strength. The list and its ranges are torchvision's. */
import type { Stream } from "../../../common/random/stream.js";
import type { Pixels } from "../pixels.js";
import { affine, rotate } from "../resample.js";
import { autoContrast, brightness, contrast, equalize, posterize, saturation, solarize } from "./colors.js";
import { sharpness } from "./neighbors.js";

/** The strength that means the whole range. */
export const mostStrength = 30;

/** Changes an image. `share` is the strength from 0 to 1, and `side` is 1 or −1. */
type Change = (image: Pixels, share: number, side: number) => Pixels;

/** The largest share of a side by which an image moves: 150 of 331 pixels in the paper. */
const furthest = 150 / 331;

const changes: readonly Change[] = [
  (image) => image,
  (image, share, side) => affine(image, [1, side * 0.3 * share, 0, 1], [0, 0]),
  (image, share, side) => affine(image, [1, 0, side * 0.3 * share, 1], [0, 0]),
  (image, share, side) => affine(image, [1, 0, 0, 1], [Math.floor(side * furthest * share * image.width), 0]),
  (image, share, side) => affine(image, [1, 0, 0, 1], [0, Math.floor(side * furthest * share * image.height)]),
  (image, share, side) => rotate(image, side * 30 * share),
  (image, share, side) => brightness(image, 1 + side * 0.9 * share),
  (image, share, side) => saturation(image, 1 + side * 0.9 * share),
  (image, share, side) => contrast(image, 1 + side * 0.9 * share),
  (image, share, side) => sharpness(image, 1 + side * 0.9 * share),
  (image, share) => posterize(image, 8 - Math.round(4 * share)),
  (image, share) => solarize(image, 255 * (1 - share)),
  autoContrast,
  equalize,
];

/** Applies `count` changes, each drawn from the whole list. */
export function randAugment(image: Pixels, count: number, strength: number, stream: Stream): Pixels {
  let changed = image;
  for (let i = 0; i < count; i++) {
    const change = changes[stream.below(changes.length)];
    const side = stream.uniform() < 0.5 ? -1 : 1;
    if (change !== undefined) changed = change(changed, strength / mostStrength, side);
  }
  return changed;
}
