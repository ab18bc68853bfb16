/**
 * Resamples images, in the same way for training and evaluation: with a triangle filter that widens when it shrinks an image
 * (antialiased bilinear, as in PIL's BILINEAR). The filter is separable, with f32 between its two passes.
 */
import { type Pixels, pixels } from "./pixels.js";

/** The weights of the source samples for each of `size` outputs over the interval [from, from + length) of `source` samples. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** Up to `most` weights per output, padded with zeros. */
  readonly weights: Float32Array;
  readonly most: number;
}

function taps(source: number, from: number, length: number, size: number): Taps {
  const scale = length / size;
  const reach = Math.max(scale, 1);
  const most = Math.ceil(reach) * 2 + 1;
  const first = new Int32Array(size);
  const count = new Int32Array(size);
  const weights = new Float32Array(size * most);
  for (let i = 0; i < size; i++) {
    const center = from + (i + 0.5) * scale;
    const low = Math.max(0, Math.floor(center - reach + 0.5));
    const high = Math.min(source, Math.floor(center + reach + 0.5));
    let total = 0;
    for (let s = low; s < high; s++) {
      const weight = Math.max(0, 1 - Math.abs((s + 0.5 - center) / reach));
      weights[i * most + s - low] = weight;
      total += weight;
    }
    for (let k = 0; k < high - low; k++) weights[i * most + k] = (weights[i * most + k] as number) / total;
    first[i] = low;
    count[i] = high - low;
  }
  return { first, count, weights, most };
}

/** The taps of whole images by their sizes, because many images have the same size. */
const tapsBySize = new Map<string, Taps>();
function wholeTaps(source: number, size: number): Taps {
  const key = `${source}:${size}`;
  let found = tapsBySize.get(key);
  if (found === undefined) {
    if (tapsBySize.size > 256) tapsBySize.clear();
    found = taps(source, 0, source, size);
    tapsBySize.set(key, found);
  }
  return found;
}

let scratch = new Float32Array(0);

function applyTaps(image: Pixels, across: Taps, down: Taps, height: number, width: number): Pixels {
  const { channels, data } = image;
  const out = pixels(channels, height, width);
  const top = down.first[0] as number;
  const bottom = (down.first[height - 1] as number) + (down.count[height - 1] as number);
  if (scratch.length < (bottom - top) * width) scratch = new Float32Array((bottom - top) * width);
  const rows = scratch;
  for (let c = 0; c < channels; c++) {
    for (let y = top; y < bottom; y++) {
      const line = (c * image.height + y) * image.width;
      const to = (y - top) * width;
      for (let x = 0; x < width; x++) {
        const first = line + (across.first[x] as number);
        const count = across.count[x] as number;
        const base = x * across.most;
        let sum = 0;
        for (let k = 0; k < count; k++) sum += (across.weights[base + k] as number) * (data[first + k] as number);
        rows[to + x] = sum;
      }
    }
    for (let y = 0; y < height; y++) {
      const first = ((down.first[y] as number) - top) * width;
      const count = down.count[y] as number;
      const base = y * down.most;
      const to = (c * height + y) * width;
      for (let x = 0; x < width; x++) {
        let sum = 0.5;
        for (let k = 0; k < count; k++)
          sum += (down.weights[base + k] as number) * (rows[first + k * width + x] as number);
        out.data[to + x] = sum;
      }
    }
  }
  return out;
}

/** Resamples the whole image to height × width. */
export function resizeTo(image: Pixels, height: number, width: number): Pixels {
  if (image.height === height && image.width === width) return image;
  return applyTaps(image, wholeTaps(image.width, width), wholeTaps(image.height, height), height, width);
}

/** Returns the size of an image whose shorter side becomes `size` in the same proportions. The longer side is rounded down. */
export function shorterSide(height: number, width: number, size: number): { height: number; width: number } {
  return height <= width
    ? { height: size, width: Math.max(size, Math.floor((size * width) / height)) }
    : { height: Math.max(size, Math.floor((size * height) / width)), width: size };
}

/** Resamples an image in the same proportions so that its shorter side is `size`. */
export function resizeShorter(image: Pixels, size: number): Pixels {
  const to = shorterSide(image.height, image.width, size);
  return resizeTo(image, to.height, to.width);
}

/** Resamples the box at (top, left) of boxHeight × boxWidth, which must be inside the image, to size × size. */
export function resizeBox(
  image: Pixels,
  top: number,
  left: number,
  boxHeight: number,
  boxWidth: number,
  size: number,
): Pixels {
  const across = taps(image.width, left, boxWidth, size);
  const down = taps(image.height, top, boxHeight, size);
  return applyTaps(image, across, down, size, size);
}

/** Turns an image counterclockwise by `degrees` about its center. */
export function rotate(image: Pixels, degrees: number): Pixels {
  const radians = (degrees * Math.PI) / 180;
  const cos = Math.cos(radians);
  const sin = Math.sin(radians);
  return affine(image, [cos, -sin, sin, cos], [0, 0]);
}

/**
 * Takes each pixel, at (x, y) from the center, from (xx·x + xy·y, yx·x + yy·y) + shift of the image, bilinear. Pixels from outside are
 * the nearest edge pixels.
 */
export function affine(
  image: Pixels,
  [xx, xy, yx, yy]: readonly [number, number, number, number],
  shift: readonly [number, number],
): Pixels {
  const { channels, height, width, data } = image;
  const out = pixels(channels, height, width);
  const centerX = (width - 1) / 2;
  const centerY = (height - 1) / 2;
  const plane = height * width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dx = x - centerX;
      const dy = y - centerY;
      const sourceX = Math.min(width - 1, Math.max(0, centerX + xx * dx + xy * dy + shift[0]));
      const sourceY = Math.min(height - 1, Math.max(0, centerY + yx * dx + yy * dy + shift[1]));
      const x0 = Math.floor(sourceX);
      const y0 = Math.floor(sourceY);
      const fx = sourceX - x0;
      const fy = sourceY - y0;
      const right = x0 + 1 < width ? 1 : 0;
      const below = y0 + 1 < height ? width : 0;
      for (let c = 0; c < channels; c++) {
        const at = c * plane + y0 * width + x0;
        const upper = (data[at] as number) * (1 - fx) + (data[at + right] as number) * fx;
        const lower = (data[at + below] as number) * (1 - fx) + (data[at + below + right] as number) * fx;
        out.data[c * plane + y * width + x] = upper * (1 - fy) + lower * fy + 0.5;
      }
    }
  }
  return out;
}
