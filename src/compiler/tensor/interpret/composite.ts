/** Kernels of the composites that are worth computing whole. The others run as their primitives. */
import type { CompositeName } from "../ir.js";
import type { TensorType } from "../shape.js";
import type { Kernels, Operands, Value } from "./value.js";

interface Moments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Calls `visit` with each plane of x [n, c, h, w]: its first place, the place after its last, its channel and its pool. */
function walkPlanes(
  { shape }: TensorType,
  groups: number,
  visit: (from: number, to: number, channel: number, pool: number) => void,
): void {
  const [n, c, h, w] = shape as readonly [number, number, number, number];
  for (let plane = 0; plane < n * c; plane++) {
    const channel = plane % c;
    const pool = Math.floor((Math.floor(plane / c) * groups) / n) * c + channel;
    visit(plane * h * w, (plane + 1) * h * w, channel, pool);
  }
}

/** Returns the mean of f(value, place, pool) over each pool. */
function poolMeans(x: Value, groups: number, f: (value: number, place: number, pool: number) => number): Float64Array {
  const [n, c, h, w] = x.shape as readonly [number, number, number, number];
  const sums = new Float64Array(groups * c);
  walkPlanes(x, groups, (from, to, _, pool) => {
    let sum = 0;
    for (let i = from; i < to; i++) sum += f(x.data[i] as number, i, pool);
    sums[pool] = (sums[pool] as number) + sum;
  });
  return sums.map((sum) => sum / ((n / groups) * h * w));
}

function moments(x: Value, groups: number): Moments {
  const mean = poolMeans(x, groups, (value) => value);
  return { mean, variance: poolMeans(x, groups, (value, _, pool) => (value - (mean[pool] as number)) ** 2) };
}

const each =
  (f: (x: number, other: number) => number) =>
  ([x, other]: Operands): Float64Array => {
    const out = new Float64Array(x.data.length);
    for (let i = 0; i < out.length; i++) out[i] = f(x.data[i] as number, other?.data[i] as number);
    return out;
  };

export const compositeKernels = {
  relu: each((x) => Math.max(x, 0)),
  relu_grad: each((x, dy) => (x > 0 ? dy : 0)),
  batch_norm: ([x, gamma, beta], { eps, groups }) => {
    const { mean, variance } = moments(x, groups);
    const out = new Float64Array(x.data.length);
    walkPlanes(x, groups, (from, to, channel, pool) => {
      const scale = (gamma.data[channel] as number) / Math.sqrt((variance[pool] as number) + eps);
      const shift = beta.data[channel] as number;
      for (let i = from; i < to; i++) out[i] = ((x.data[i] as number) - (mean[pool] as number)) * scale + shift;
    });
    return out;
  },
  batch_norm_grad_x: ([x, gamma, dy], { eps, groups }) => {
    const { mean, variance } = moments(x, groups);
    const scale = variance.map((value) => 1 / Math.sqrt(value + eps));
    const unit = (value: number, pool: number): number => (value - (mean[pool] as number)) * (scale[pool] as number);
    const dyMean = poolMeans(dy, groups, (value) => value);
    const along = poolMeans(x, groups, (value, place, pool) => unit(value, pool) * (dy.data[place] as number));
    const out = new Float64Array(x.data.length);
    walkPlanes(x, groups, (from, to, channel, pool) => {
      const factor = (gamma.data[channel] as number) * (scale[pool] as number);
      const [a, b] = [dyMean[pool] as number, along[pool] as number];
      for (let i = from; i < to; i++)
        out[i] = factor * ((dy.data[i] as number) - a - unit(x.data[i] as number, pool) * b);
    });
    return out;
  },
  batch_norm_grad_gamma: ([x, dy], { eps, groups }, { shape }) => {
    const { mean, variance } = moments(x, groups);
    const out = new Float64Array(Number(shape[0]));
    walkPlanes(x, groups, (from, to, channel, pool) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += ((x.data[i] as number) - (mean[pool] as number)) * (dy.data[i] as number);
      out[channel] = (out[channel] as number) + sum / Math.sqrt((variance[pool] as number) + eps);
    });
    return out;
  },
  batch_mean: ([x], { groups }) => moments(x, groups).mean,
  batch_variance: ([x], { groups }) => moments(x, groups).variance,
  channel_affine: ([x, scale, shift]) => {
    const out = new Float64Array(x.data.length);
    walkPlanes(x, 1, (from, to, channel) => {
      const [factor, term] = [scale.data[channel] as number, shift.data[channel] as number];
      for (let i = from; i < to; i++) out[i] = (x.data[i] as number) * factor + term;
    });
    return out;
  },
} satisfies Partial<Kernels<CompositeName>>;
