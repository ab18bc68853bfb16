/** Mixtures of Gaussians of colors: how likely a color is among the pixels of a region. */
import type { Stream } from "../../../../common/random/stream.js";

/** The colors of pixels, three numbers each. */
export type Colors = Float64Array;
/** The number of Gaussians, and of the passes that place their centers at first. */
const [components, passes] = [5, 10];
/** The variance that is added to each channel, because the colors of a drawing may lie on a line or in a point. */
const leastVariance = 0.01;

interface Gaussian {
  readonly mean: readonly [number, number, number];
  /** The inverse of the covariance: its entries xx, xy, xz, yy, yz and zz. */
  readonly inverse: readonly [number, number, number, number, number, number];
  /** The weight divided by the root of the determinant. */
  readonly scale: number;
  readonly density: number;
}

export class Mixture {
  private constructor(private readonly parts: readonly Gaussian[]) {}

  /** Fits a mixture to the colors of some pixels, whose components are known. */
  static of(colors: Colors, pixels: Int32Array, component: Uint8Array): Mixture {
    const parts: Gaussian[] = [];
    for (let part = 0; part < components; part++) {
      const sums = new Float64Array(10);
      for (const pixel of pixels) if (component[pixel] === part) add(sums, colors, pixel);
      if ((sums[0] as number) > 0) parts.push(gaussian(sums, pixels.length));
    }
    return new Mixture(parts);
  }

  /** Returns the likelihood of the color of a pixel, up to a factor that all mixtures share. */
  likelihood(colors: Colors, pixel: number): number {
    let sum = 0;
    for (const part of this.parts) sum += part.scale * Math.exp(-0.5 * squaredDistance(part, colors, pixel));
    return sum;
  }

  /** Returns the component in which the color of a pixel is the most likely. */
  nearest(colors: Colors, pixel: number): number {
    let [best, most] = [0, Number.NEGATIVE_INFINITY];
    for (const [i, part] of this.parts.entries()) {
      const value = Math.log(part.density) - 0.5 * squaredDistance(part, colors, pixel);
      if (value > most) [best, most] = [i, value];
    }
    return best;
  }
}

/** Adds the count, the color and the products of the channels of a pixel. */
function add(sums: Float64Array, colors: Colors, pixel: number): void {
  const [x, y, z] = [colors[3 * pixel] as number, colors[3 * pixel + 1] as number, colors[3 * pixel + 2] as number];
  const values = [1, x, y, z, x * x, x * y, x * z, y * y, y * z, z * z];
  for (let i = 0; i < 10; i++) sums[i] = (sums[i] as number) + (values[i] as number);
}

function gaussian(sums: Float64Array, total: number): Gaussian {
  const [count = 0, ...rest] = sums;
  const [x = 0, y = 0, z = 0, xx = 0, xy = 0, xz = 0, yy = 0, yz = 0, zz = 0] = rest.map((sum) => sum / count);
  const [a, d, f] = [xx - x * x + leastVariance, yy - y * y + leastVariance, zz - z * z + leastVariance];
  const [b, c, e] = [xy - x * y, xz - x * z, yz - y * z];
  const size = a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d);
  return {
    mean: [x, y, z],
    inverse: [
      (d * f - e * e) / size,
      (c * e - b * f) / size,
      (b * e - c * d) / size,
      (a * f - c * c) / size,
      (b * c - a * e) / size,
      (a * d - b * b) / size,
    ],
    scale: count / total / Math.sqrt(size),
    density: 1 / Math.sqrt(size),
  };
}

function squaredDistance({ mean, inverse }: Gaussian, colors: Colors, pixel: number): number {
  const x = (colors[3 * pixel] as number) - mean[0];
  const y = (colors[3 * pixel + 1] as number) - mean[1];
  const z = (colors[3 * pixel + 2] as number) - mean[2];
  const [a, b, c, d, e, f] = inverse;
  return x * (a * x + 2 * (b * y + c * z)) + y * (d * y + 2 * e * z) + f * z * z;
}

/**
 * Divides pixels into as many components as a mixture has, by k-means with centers that are far apart at first (Arthur & Vassilvitskii
 * 2007). Writes the component of each pixel.
 */
export function divideColors(colors: Colors, pixels: Int32Array, component: Uint8Array, stream: Stream): void {
  const centers = firstCenters(colors, pixels, stream);
  for (let pass = 0; pass < passes; pass++) {
    const sums = centers.map(() => [0, 0, 0, 0] as [number, number, number, number]);
    let moved = false;
    for (const pixel of pixels) {
      const best = nearestCenter(centers, colors, pixel).place;
      moved ||= component[pixel] !== best || pass === 0;
      component[pixel] = best;
      const sum = sums[best];
      if (sum === undefined) continue;
      sum[3]++;
      for (let c = 0; c < 3; c++) sum[c] = (sum[c] as number) + (colors[3 * pixel + c] as number);
    }
    if (!moved) return;
    for (const [i, [x, y, z, count]] of sums.entries()) if (count > 0) centers[i] = [x / count, y / count, z / count];
  }
}

type Color = readonly [number, number, number];

function firstCenters(colors: Colors, pixels: Int32Array, stream: Stream): Color[] {
  const colorOf = (pixel: number): Color => [
    colors[3 * pixel] as number,
    colors[3 * pixel + 1] as number,
    colors[3 * pixel + 2] as number,
  ];
  const centers = [colorOf(pixels[stream.below(pixels.length)] as number)];
  while (centers.length < components) {
    const distances = Float64Array.from(pixels, (pixel) => nearestCenter(centers, colors, pixel).distance);
    let left = stream.uniform() * distances.reduce((sum, distance) => sum + distance, 0);
    const place = distances.findIndex((distance) => {
      left -= distance;
      return left < 0;
    });
    if (place < 0) break; // There are fewer colors than components.
    centers.push(colorOf(pixels[place] as number));
  }
  return centers;
}

function nearestCenter(centers: readonly Color[], colors: Colors, pixel: number): { place: number; distance: number } {
  let [place, distance] = [0, Number.POSITIVE_INFINITY];
  for (const [i, [x, y, z]] of centers.entries()) {
    const own =
      ((colors[3 * pixel] as number) - x) ** 2 +
      ((colors[3 * pixel + 1] as number) - y) ** 2 +
      ((colors[3 * pixel + 2] as number) - z) ** 2;
    if (own < distance) [place, distance] = [i, own];
  }
  return { place, distance };
}
