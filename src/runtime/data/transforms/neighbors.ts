/** Transforms that compute a pixel from those around it, and one that covers some. */
import type { Stream } from "../../../common/random/stream.js";
import { type Pixels, pixels } from "../pixels.js";
import { clampByte } from "./colors.js";

/** Blurs with a Gaussian of `sigma` pixels, cut off at three sigmas. Pixels from outside are the nearest edge pixels. */
export function blur(image: Pixels, sigma: number): Pixels {
  const reach = Math.ceil(3 * sigma);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const { channels, height, width, data } = image;
  const out = pixels(channels, height, width);
  const rows = new Float64Array(height * width);
  const inside = (place: number, size: number): number => Math.min(size - 1, Math.max(0, place));
  for (let c = 0; c < channels; c++) {
    const from = c * height * width;
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++)
          sum += (weights[k + reach] as number) * (data[from + y * width + inside(x + k, width)] as number);
        rows[y * width + x] = sum / total;
      }
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++)
          sum += (weights[k + reach] as number) * (rows[inside(y + k, height) * width + x] as number);
        out.data[from + y * width + x] = clampByte(sum / total);
      }
  }
  return out;
}

/** Moves each pixel away from the mean of its neighbors (factor above 1) or towards it (below 1), as PIL does. Edges stay. */
export function sharpness(image: Pixels, factor: number): Pixels {
  const { channels, height, width, data } = image;
  const out = pixels(channels, height, width);
  out.data.set(data);
  for (let c = 0; c < channels; c++)
    for (let y = 1; y < height - 1; y++)
      for (let x = 1; x < width - 1; x++) {
        const at = (c * height + y) * width + x;
        let sum = 4 * (data[at] as number);
        for (const row of [-width, 0, width]) for (const column of [-1, 0, 1]) sum += data[at + row + column] as number;
        const smooth = Math.floor(sum / 13 + 0.5);
        out.data[at] = clampByte(smooth + factor * ((data[at] as number) - smooth));
      }
  return out;
}

/**
 * Covers a box with random values (Zhong et al. 2020): its share of the area is uniform in `scale`, its ratio of width to height in
 * `ratio`, uniform in its logarithm. If ten boxes do not fit, the image stays as it is.
 */
export function erase(
  image: Pixels,
  scale: readonly [number, number],
  ratio: readonly [number, number],
  stream: Stream,
): Pixels {
  const { channels, height, width } = image;
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * stream.between(scale[0], scale[1]);
    const shape = Math.exp(stream.between(Math.log(ratio[0]), Math.log(ratio[1])));
    const [boxHeight, boxWidth] = [Math.round(Math.sqrt(area / shape)), Math.round(Math.sqrt(area * shape))];
    if (boxHeight < 1 || boxWidth < 1 || boxHeight > height || boxWidth > width) continue;
    const top = stream.below(height - boxHeight + 1);
    const left = stream.below(width - boxWidth + 1);
    const out = pixels(channels, height, width);
    out.data.set(image.data);
    for (let c = 0; c < channels; c++)
      for (let y = top; y < top + boxHeight; y++)
        for (let x = left; x < left + boxWidth; x++) out.data[(c * height + y) * width + x] = stream.below(256);
    return out;
  }
  return image;
}
