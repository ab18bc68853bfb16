/** The products and linear systems of the interpreter. */
import type { PrimitiveName, Shape } from "../ir.js";
import { elementCount } from "../shape.js";
import { addProduct, type Matrix } from "./product.js";
import { type Kernels, permuted } from "./value.js";

const sizes = (shape: Shape, axes: readonly number[]): number => elementCount(axes.map((axis) => Number(shape[axis])));
const freeAxes = (shape: Shape, used: readonly number[]): number[] =>
  shape.map((_, axis) => axis).filter((axis) => !used.includes(axis));

/** Solves A·X = B in place of b, by a Cholesky factorization of the lower triangle of A. The result is NaN if A is not positive definite. */
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
    const left = permuted(a, [...lhsBatch, ...lhsFree, ...lhsContract]) as Float64Array;
    const right = permuted(b, [...rhsBatch, ...rhsContract, ...rhsFree]) as Float64Array;
    const [batches, m] = [sizes(a.shape, lhsBatch), sizes(a.shape, lhsFree)];
    const [k, n] = [sizes(a.shape, lhsContract), sizes(b.shape, rhsFree)];
    const out = new Float64Array(batches * m * n);
    const rows = (data: Float64Array, batch: number, height: number, width: number): Matrix => ({
      data,
      at: batch * height * width,
      row: width,
      column: 1,
    });
    for (let batch = 0; batch < batches; batch++)
      addProduct(rows(out, batch, m, n), rows(left, batch, m, k), rows(right, batch, k, n), m, k, n);
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
