import type { ConvAttrs, PrimitiveName, Shape } from "../ir.js";
import { elementCount } from "../shape.js";
import { type Kernels, permuted, type Value } from "./value.js";

const sizes = (shape: Shape, axes: readonly number[]): number => elementCount(axes.map((axis) => Number(shape[axis])));
const freeAxes = (shape: Shape, used: readonly number[]): number[] =>
  shape.map((_, axis) => axis).filter((axis) => !used.includes(axis));

/** One filter offset along one axis: results `from`..`to` (inclusive) read input `from·stride + shift` and on. */
interface Tap {
  readonly from: number;
  readonly to: number;
  readonly shift: number;
}
function taps(kernel: number, stride: number, pad: number, input: number, output: number): Tap[] {
  return Array.from({ length: kernel }, (_, offset) => {
    const shift = offset - pad;
    return {
      from: Math.max(0, Math.ceil(-shift / stride)),
      to: Math.min(output - 1, Math.floor((input - 1 - shift) / stride)),
      shift,
    };
  });
}

/**
 * Walks a convolution: for every image, filter, input channel of its group and filter offset, calls `visit` with the
 * place of the image plane, the result plane and the filter element, and the taps in both axes.
 */
function walkConv(
  [n, c, h, w]: Shape4,
  [o, inner, kh, kw]: Shape4,
  [, , oh, ow]: Shape4,
  { stride, pad, groups }: ConvAttrs,
  visit: (plane: number, result: number, filter: number, rows: Tap, columns: Tap) => void,
): void {
  const rowTaps = taps(kh, stride[0], pad[0], h, oh);
  const columnTaps = taps(kw, stride[1], pad[1], w, ow);
  const perGroup = o / groups;
  for (let image = 0; image < n; image++)
    for (let filter = 0; filter < o; filter++) {
      const first = Math.floor(filter / perGroup) * inner;
      for (let channel = 0; channel < inner; channel++)
        rowTaps.forEach((rows, ky) => {
          columnTaps.forEach((columns, kx) => {
            visit(
              (image * c + first + channel) * h * w,
              (image * o + filter) * oh * ow,
              ((filter * inner + channel) * kh + ky) * kw + kx,
              rows,
              columns,
            );
          });
        });
    }
}
type Shape4 = readonly [number, number, number, number];
const shape4 = (shape: Shape): Shape4 => shape as Shape4;
const reals = (x: Value): Float64Array => x.data as Float64Array;

/** Solves A·X = B in place of b, by Cholesky of A's lower triangle; NaN where A is not positive definite. */
function solve(a: Float64Array, b: Float64Array, n: number, m: number): void {
  const at = (i: number, j: number): number => a[i * n + j] as number;
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / at(j, j);
    }
  }
  for (let column = 0; column < m; column++) {
    for (let i = 0; i < n; i++) {
      let sum = b[i * m + column] as number;
      for (let k = 0; k < i; k++) sum -= at(i, k) * (b[k * m + column] as number);
      b[i * m + column] = sum / at(i, i);
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = b[i * m + column] as number;
      for (let k = i + 1; k < n; k++) sum -= at(k, i) * (b[k * m + column] as number);
      b[i * m + column] = sum / at(i, i);
    }
  }
}

export const linearKernels = {
  dot_general: ([a, b], { lhsBatch, rhsBatch, lhsContract, rhsContract }) => {
    const lhsFree = freeAxes(a.shape, [...lhsBatch, ...lhsContract]);
    const rhsFree = freeAxes(b.shape, [...rhsBatch, ...rhsContract]);
    const left = permuted(a, [...lhsBatch, ...lhsFree, ...lhsContract]);
    const right = permuted(b, [...rhsBatch, ...rhsContract, ...rhsFree]);
    const [batches, m] = [sizes(a.shape, lhsBatch), sizes(a.shape, lhsFree)];
    const [k, n] = [sizes(a.shape, lhsContract), sizes(b.shape, rhsFree)];
    const out = new Float64Array(batches * m * n);
    for (let batch = 0; batch < batches; batch++)
      for (let i = 0; i < m; i++) {
        const at = (batch * m + i) * n;
        for (let p = 0; p < k; p++) {
          const factor = left[(batch * m + i) * k + p] as number;
          const from = (batch * k + p) * n;
          for (let j = 0; j < n; j++) out[at + j] = (out[at + j] as number) + factor * (right[from + j] as number);
        }
      }
    return out;
  },
  conv2d: ([x, filters], attrs, { shape }) => {
    const out = new Float64Array(elementCount(shape));
    const [images, weights] = [reals(x), reals(filters)];
    const [sy, sx] = attrs.stride;
    const [w, ow] = [shape4(x.shape)[3], shape4(shape)[3]];
    walkConv(shape4(x.shape), shape4(filters.shape), shape4(shape), attrs, (plane, result, filter, rows, columns) => {
      const weight = weights[filter] as number;
      for (let y = rows.from; y <= rows.to; y++) {
        const from = plane + (y * sy + rows.shift) * w + columns.shift;
        const at = result + y * ow;
        for (let i = columns.from; i <= columns.to; i++)
          out[at + i] = (out[at + i] as number) + weight * (images[from + i * sx] as number);
      }
    });
    return out;
  },
  conv2d_input_grad: ([dy, filters], attrs, { shape }) => {
    const out = new Float64Array(elementCount(shape));
    const [errors, weights] = [reals(dy), reals(filters)];
    const [sy, sx] = attrs.stride;
    const [w, ow] = [shape4(shape)[3], shape4(dy.shape)[3]];
    walkConv(shape4(shape), shape4(filters.shape), shape4(dy.shape), attrs, (plane, result, filter, rows, columns) => {
      const weight = weights[filter] as number;
      for (let y = rows.from; y <= rows.to; y++) {
        const at = plane + (y * sy + rows.shift) * w + columns.shift;
        const from = result + y * ow;
        for (let i = columns.from; i <= columns.to; i++)
          out[at + i * sx] = (out[at + i * sx] as number) + weight * (errors[from + i] as number);
      }
    });
    return out;
  },
  conv2d_filter_grad: ([x, dy], attrs, { shape }) => {
    const out = new Float64Array(elementCount(shape));
    const [images, errors] = [reals(x), reals(dy)];
    const [sy, sx] = attrs.stride;
    const [w, ow] = [shape4(x.shape)[3], shape4(dy.shape)[3]];
    walkConv(shape4(x.shape), shape4(shape), shape4(dy.shape), attrs, (plane, result, filter, rows, columns) => {
      let sum = 0;
      for (let y = rows.from; y <= rows.to; y++) {
        const from = plane + (y * sy + rows.shift) * w + columns.shift;
        const at = result + y * ow;
        for (let i = columns.from; i <= columns.to; i++)
          sum += (images[from + i * sx] as number) * (errors[at + i] as number);
      }
      out[filter] = (out[filter] as number) + sum;
    });
    return out;
  },
  solve_spd: ([a, b]) => {
    const [n, m] = [Number(b.shape.at(-2)), Number(b.shape.at(-1))];
    const [left, out] = [Float64Array.from(a.data), Float64Array.from(b.data)];
    const batches = elementCount(a.shape.slice(0, -2));
    for (let batch = 0; batch < batches; batch++)
      solve(left.subarray(batch * n * n, (batch + 1) * n * n), out.subarray(batch * n * m, (batch + 1) * n * m), n, m);
    return out;
  },
} satisfies Partial<Kernels<PrimitiveName>>;
