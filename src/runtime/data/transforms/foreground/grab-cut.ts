/**
 * Separates an object from its background by GrabCut (Rother et al. 2004): mixtures of Gaussians of the colors inside and outside of a
 * box, and a cut through the graph of pixels, again and again.
 */
import { Stream } from "../../../../common/random/stream.js";
import type { Box } from "../../box.js";
import type { Pixels } from "../../pixels.js";
import { FlowGraph } from "./max-flow.js";
import { type Colors, divideColors, Mixture } from "./mixture.js";

/** The weight of differences between neighbors, and the weight that keeps pixels outside of the box in the background. */
const smoothness = 50;
const certain = 9 * smoothness;
/** The likelihood that is taken for a color that no component knows, so that its logarithm is a number. */
const leastLikelihood = 1e-300;
/** The neighbors of a pixel that come before it: how far to the right and down they are. */
const neighbors = [
  [-1, 0],
  [-1, -1],
  [0, -1],
  [1, -1],
] as const;

/**
 * Returns 1 for each pixel of the object in a box, and 0 for each other pixel. Pixels outside of the box are background. It is undefined if
 * the box leaves no background, or no pixel.
 */
export function grabCut(image: Pixels, box: Box, iterations: number): Uint8Array | undefined {
  const { height, width } = image;
  const colors = colorsOf(image);
  const object = new Uint8Array(height * width);
  const inside = new Uint8Array(height * width);
  for (let y = Math.max(0, box.top); y < Math.min(height, box.top + box.height); y++)
    for (let x = Math.max(0, box.left); x < Math.min(width, box.left + box.width); x++) inside[y * width + x] = 1;
  object.set(inside);
  const component = new Uint8Array(height * width);
  const stream = new Stream([0, 0]);
  for (const value of [0, 1]) {
    const pixels = where(object, value);
    if (pixels.length === 0) return undefined;
    divideColors(colors, pixels, component, stream);
  }
  const weights = neighborWeights(image, colors);
  let mixtures = fit(colors, object, component);
  for (let i = 0; i < iterations; i++) {
    const [outer, inner] = mixtures;
    for (let pixel = 0; pixel < object.length; pixel++)
      component[pixel] = (object[pixel] === 1 ? inner : outer).nearest(colors, pixel);
    mixtures = fit(colors, object, component);
    object.set(cut(image, { colors, inside, mixtures, weights }));
    if (!object.includes(1)) return object;
  }
  return object;
}

function colorsOf({ channels, height, width, data }: Pixels): Colors {
  const plane = height * width;
  const colors = new Float64Array(3 * plane);
  for (let c = 0; c < 3; c++) {
    const from = Math.min(c, channels - 1) * plane;
    for (let i = 0; i < plane; i++) colors[3 * i + c] = data[from + i] as number;
  }
  return colors;
}

function where(mask: Uint8Array, value: number): Int32Array {
  const places: number[] = [];
  for (let i = 0; i < mask.length; i++) if (mask[i] === value) places.push(i);
  return Int32Array.from(places);
}

/** Returns the mixtures of the background and of the object. */
function fit(colors: Colors, object: Uint8Array, component: Uint8Array): [Mixture, Mixture] {
  return [Mixture.of(colors, where(object, 0), component), Mixture.of(colors, where(object, 1), component)];
}

/** Calls `each` for every pair of neighbors. */
function forNeighbors(
  { height, width }: Pick<Pixels, "height" | "width">,
  each: (pixel: number, other: number, pair: number, isDiagonal: boolean) => void,
): void {
  let pair = 0;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (const [right, down] of neighbors) {
        if (x + right < 0 || x + right >= width || y + down < 0) continue;
        each(y * width + x, (y + down) * width + x + right, pair++, right !== 0 && down !== 0);
      }
}

/** Returns the weight of each pair of neighbors: high where their colors are alike, compared with the mean difference of the image. */
function neighborWeights(image: Pixels, colors: Colors): Float64Array {
  const differences = new Float64Array(4 * image.height * image.width);
  let [sum, pairs] = [0, 0];
  forNeighbors(image, (pixel, other, pair) => {
    let difference = 0;
    for (let c = 0; c < 3; c++)
      difference += ((colors[3 * pixel + c] as number) - (colors[3 * other + c] as number)) ** 2;
    differences[pair] = difference;
    sum += difference;
    pairs = pair + 1;
  });
  const beta = sum === 0 ? 0 : pairs / (2 * sum);
  forNeighbors(image, (_, __, pair, isDiagonal) => {
    const weight = smoothness * Math.exp(-beta * (differences[pair] as number));
    differences[pair] = isDiagonal ? weight / Math.SQRT2 : weight;
  });
  return differences;
}

interface Cut {
  readonly colors: Colors;
  /** 1 for the pixels in the box. */
  readonly inside: Uint8Array;
  readonly mixtures: readonly [Mixture, Mixture];
  readonly weights: Float64Array;
}

function cut(image: Pixels, { colors, inside, mixtures: [outer, inner], weights }: Cut): Uint8Array {
  const graph = new FlowGraph(inside.length, weights.length);
  const cost = (mixture: Mixture, pixel: number): number =>
    -Math.log(Math.max(leastLikelihood, mixture.likelihood(colors, pixel)));
  for (let pixel = 0; pixel < inside.length; pixel++) {
    if (inside[pixel] === 0) graph.hang(pixel, 0, certain);
    else graph.hang(pixel, cost(outer, pixel), cost(inner, pixel));
  }
  forNeighbors(image, (pixel, other, pair) => graph.join(pixel, other, weights[pair] as number));
  return graph.cut();
}
