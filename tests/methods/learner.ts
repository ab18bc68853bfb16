/**
 * The small learner that the papers' formulas are written for here: one block of convolution, batch norm, ReLU and
 * pooling, then a linear head; forward and backward in plain f64 loops that know nothing of the compiler.
 */
import { type Activations, type Block, batchNorm, conv, embed, pool } from "../lower/formulas.js";
import type { Values } from "../lower/harness.js";

export const get = (data: readonly number[] | undefined, i: number): number => data?.[i] ?? Number.NaN;
export const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
export const inner = (a: readonly number[], b: readonly number[]): number => sum(a.map((v, i) => v * get(b, i)));
export const normalized = (v: readonly number[]): number[] => v.map((x) => x / Math.sqrt(inner(v, v)));

/** Paths of the block's weights, in the order of `Block`. */
const blockPaths = {
  weight: "encoder.conv.0.weight",
  bias: "encoder.conv.0.bias",
  gamma: "encoder.batch_norm.0.weight",
  beta: "encoder.batch_norm.0.bias",
} as const;
export const bodyPaths: readonly string[] = Object.values(blockPaths);

export function blockOf(w: Values): Block {
  const { weight, bias, gamma, beta } = blockPaths;
  return { weight: w[weight] ?? [], bias: w[bias] ?? [], gamma: w[gamma] ?? [], beta: w[beta] ?? [] };
}

/** What a batch norm normalizes with; biased variance. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly variance: readonly number[];
}
export const runningOf = (w: Values): ChannelStatistics => ({
  mean: w["encoder.batch_norm.0.running_mean"] ?? [],
  variance: w["encoder.batch_norm.0.running_var"] ?? [],
});
/** The statistics that the block's batch norm takes from these images. */
export function statisticsOf(images: Activations, w: Values): ChannelStatistics {
  const b = blockOf(w);
  const { mean, variance } = batchNorm(conv(images, b.weight, b.bias), b.gamma, b.beta);
  return { mean, variance };
}

function rows(x: Activations): number[][] {
  const size = x.c * x.h * x.w;
  return times(x.n, (n) => x.data.slice(n * size, (n + 1) * size));
}

/** Features of each image, normalized by the images themselves or by what is given. */
export function features(images: Activations, w: Values, by?: ChannelStatistics): number[][] {
  const b = blockOf(w);
  if (by === undefined) return rows(embed(images, [b]).features);
  const z = conv(images, b.weight, b.bias);
  const plane = z.h * z.w;
  const data = z.data.map((v, i) => {
    const c = Math.floor(i / plane) % z.c;
    const xhat = (v - get(by.mean, c)) / Math.sqrt(get(by.variance, c) + 1e-5);
    return Math.max(0, get(b.gamma, c) * xhat + get(b.beta, c));
  });
  return rows(pool({ ...z, data }).y);
}

/** Gradients of the block's weights from those of the features, normalized by the images themselves. */
export function blockGradient(images: Activations, w: Values, dfeatures: readonly (readonly number[])[]): Values {
  const [g] = embed(images, [blockOf(w)]).backward(dfeatures.flat());
  if (g === undefined) throw new Error("no block");
  const { weight, bias, gamma, beta } = blockPaths;
  return { [weight]: g.weight, [bias]: g.bias, [gamma]: g.gamma, [beta]: g.beta };
}

export interface Head {
  readonly weight: readonly number[];
  readonly bias: readonly number[];
}
/** Scores of each row: weight [way, feature] and bias [way]. */
export function linear(x: readonly (readonly number[])[], { weight, bias }: Head): number[][] {
  return x.map((row) => bias.map((b, c) => b + sum(row.map((v, d) => v * get(weight, c * row.length + d)))));
}
/** Gradients through `linear`. */
export function linearGradient(
  x: readonly (readonly number[])[],
  { weight, bias }: Head,
  dz: readonly (readonly number[])[],
) {
  const dim = x[0]?.length ?? 0;
  return {
    weight: times(bias.length * dim, (i) =>
      sum(x.map((row, n) => get(row, i % dim) * get(dz[n], Math.floor(i / dim)))),
    ),
    bias: bias.map((_, c) => sum(dz.map((row) => get(row, c)))),
    x: x.map((row, n) => row.map((_, d) => sum(bias.map((_, c) => get(dz[n], c) * get(weight, c * dim + d))))),
  };
}

export function softmax(z: readonly number[]): number[] {
  const peak = Math.max(...z);
  const exps = z.map((v) => Math.exp(v - peak));
  return exps.map((e) => e / sum(exps));
}
/** Mean cross-entropy of rows of scores, and its gradient in them. */
export function crossEntropy(scores: readonly (readonly number[])[], labels: readonly number[]) {
  const n = scores.length;
  const loss = sum(scores.map((z, i) => -Math.log(get(softmax(z), get(labels, i))))) / n;
  const gradient = scores.map((z, i) => softmax(z).map((p, c) => (p - (c === labels[i] ? 1 : 0)) / n));
  return { loss, gradient };
}

/** Gauss–Jordan elimination with pivoting: X with A·X = B. */
export function solved(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number[][] {
  const n = a.length;
  const system = a.map((r, i) => [...r, ...(b[i] ?? [])]);
  for (let k = 0; k < n; k++) {
    const size = (i: number): number => Math.abs(get(system[i], k));
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (size(i) > size(pivot)) pivot = i;
    [system[k], system[pivot]] = [system[pivot] ?? [], system[k] ?? []];
    const head = get(system[k], k);
    const own = (system[k] ?? []).map((v) => v / head);
    system[k] = own;
    system.forEach((r, i) => {
      const factor = get(r, k);
      if (i !== k) system[i] = r.map((v, j) => v - factor * get(own, j));
    });
  }
  return system.map((r) => r.slice(n));
}
