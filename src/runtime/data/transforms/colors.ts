/** Changes of the colors of pixels. Each returns a new image. */
import type { Stream } from "../../../common/random/stream.js";
import { luma, type Pixels, pixels } from "../pixels.js";

export function clampByte(value: number): number {
  return value <= 0 ? 0 : value >= 255 ? 255 : (value + 0.5) | 0;
}

function copyOf(image: Pixels): Pixels {
  const out = pixels(image.channels, image.height, image.width);
  out.data.set(image.data);
  return out;
}

/** Changes how far each value is from 0. */
export const brightness = (image: Pixels, factor: number): Pixels => changed(image, brighten, factor);
/** Changes how far each value is from the mean luma of the image. */
export const contrast = (image: Pixels, factor: number): Pixels => changed(image, contrastFrom, factor);
/** Changes how far the colors of each pixel are from its luma. */
export const saturation = (image: Pixels, factor: number): Pixels => changed(image, saturate, factor);

/** A change of an image in place. A factor of 1 changes nothing. */
type Change = (image: Pixels, factor: number) => void;

function changed(image: Pixels, change: Change, factor: number): Pixels {
  const out = copyOf(image);
  change(out, factor);
  return out;
}

const brighten: Change = ({ data }, factor) => blend(data, factor, 0);
const contrastFrom: Change = (image, factor) => blend(image.data, factor, Math.floor(meanLuma(image) + 0.5));
const saturate: Change = ({ channels, height, width, data }, factor) => {
  if (factor === 1 || channels !== 3) return;
  const plane = height * width;
  for (let i = 0; i < plane; i++) {
    const gray = luma(data, plane, i) * (1 - factor);
    data[i] = clampByte(gray + factor * (data[i] as number));
    data[plane + i] = clampByte(gray + factor * (data[plane + i] as number));
    data[2 * plane + i] = clampByte(gray + factor * (data[2 * plane + i] as number));
  }
};

/**
 * Changes brightness, contrast and saturation in random order. Each factor is uniform in [max(0, 1 − strength), 1 + strength].
 * Bytes are rounded after each change.
 */
export function jitterColors(image: Pixels, strengths: readonly [number, number, number], stream: Stream): Pixels {
  const factors = strengths.map((s) => stream.between(Math.max(0, 1 - s), 1 + s));
  const order = [0, 1, 2];
  for (let i = 2; i > 0; i--) {
    const j = stream.below(i + 1);
    const kept = order[i] as number;
    order[i] = order[j] as number;
    order[j] = kept;
  }
  const out = copyOf(image);
  for (const which of order) [brighten, contrastFrom, saturate][which]?.(out, factors[which] as number);
  return out;
}

const table = new Uint8Array(256);

/** Replaces each value by that of a table of 256 values, for one run of pixels. */
function look(data: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) data[i] = table[data[i] as number] as number;
}

function blend(data: Uint8Array, factor: number, toward: number): void {
  if (factor === 1) return;
  for (let v = 0; v < 256; v++) table[v] = clampByte(toward + factor * (v - toward));
  look(data, 0, data.length);
}

function meanLuma({ channels, height, width, data }: Pixels): number {
  const plane = height * width;
  let sum = 0;
  if (channels === 3) for (let i = 0; i < plane; i++) sum += luma(data, plane, i);
  else for (let i = 0; i < plane; i++) sum += data[i] as number;
  return sum / plane;
}

/** Keeps the upper `bits` bits of each value. */
export function posterize(image: Pixels, bits: number): Pixels {
  const out = copyOf(image);
  const mask = 256 - 2 ** (8 - bits);
  for (let i = 0; i < out.data.length; i++) out.data[i] = (out.data[i] as number) & mask;
  return out;
}

/** Inverts the values from `threshold` on. */
export function solarize(image: Pixels, threshold: number): Pixels {
  const out = copyOf(image);
  for (let i = 0; i < out.data.length; i++) {
    const value = out.data[i] as number;
    if (value >= threshold) out.data[i] = 255 - value;
  }
  return out;
}

/** Stretches each channel so that its smallest value is 0 and its largest 255. */
export function autoContrast(image: Pixels): Pixels {
  return eachChannel(image, (counts) => {
    const low = counts.findIndex((n) => n > 0);
    const high = counts.findLastIndex((n) => n > 0);
    for (let v = 0; v < 256; v++) table[v] = high > low ? clampByte(((v - low) * 255) / (high - low)) : v;
  });
}

/** Maps the values of each channel so that all occur about equally often, as PIL does. */
export function equalize(image: Pixels): Pixels {
  return eachChannel(image, (counts) => {
    const last = counts[counts.findLastIndex((n) => n > 0)] ?? 0;
    const total = counts.reduce((sum, n) => sum + n, 0);
    const step = Math.floor((total - last) / 255);
    let before = step >> 1;
    for (let v = 0; v < 256; v++) {
      table[v] = step === 0 ? v : Math.min(255, Math.floor(before / step));
      before += counts[v] as number;
    }
  });
}

function eachChannel(image: Pixels, fill: (counts: number[]) => void): Pixels {
  const out = copyOf(image);
  const plane = image.height * image.width;
  for (let from = 0; from < out.data.length; from += plane) {
    const counts = new Array<number>(256).fill(0);
    for (let i = from; i < from + plane; i++) counts[out.data[i] as number] = (counts[out.data[i] as number] ?? 0) + 1;
    fill(counts);
    look(out.data, from, from + plane);
  }
  return out;
}
