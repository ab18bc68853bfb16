/** Products and linear systems that are too small for oneDNN, or that it does not have. They compute in 64-bit numbers. */
import type { Kernel, TypedArray } from "../loops/source.js";

/** A stack of matrices: the distances between two matrices, two rows and two columns. */
export interface Matrices {
  readonly matrix: number;
  readonly row: number;
  readonly column: number;
}

export function product(
  sizes: { readonly batch: number; readonly m: number; readonly k: number; readonly n: number },
  a: Matrices,
  b: Matrices,
): Kernel {
  const { batch, m, k, n } = sizes;
  return (...arrays) => {
    const [x, w, y] = arrays as [TypedArray, TypedArray, TypedArray];
    let to = 0;
    for (let p = 0; p < batch; p++)
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          const left = p * a.matrix + i * a.row;
          const right = p * b.matrix + j * b.column;
          let sum = 0;
          for (let q = 0; q < k; q++) sum += (x[left + q * a.column] ?? 0) * (w[right + q * b.row] ?? 0);
          y[to++] = sum;
        }
  };
}

/** Solves A·X = B by a Cholesky factorization of the lower triangle of A. The result is NaN if A is not positive definite. */
export function solve(batches: number, n: number, m: number): Kernel {
  const factor = new Float64Array(n * n);
  const right = new Float64Array(n * m);
  return (...arrays) => {
    const [a, b, x] = arrays as [TypedArray, TypedArray, TypedArray];
    for (let batch = 0; batch < batches; batch++) {
      factor.set(a.subarray(batch * n * n, (batch + 1) * n * n));
      right.set(b.subarray(batch * n * m, (batch + 1) * n * m));
      factorize(factor, n);
      substitute(factor, right, n, m);
      x.set(right, batch * n * m);
    }
  };
}

function factorize(a: Float64Array, n: number): void {
  for (let j = 0; j < n; j++)
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j] ?? 0;
      for (let k = 0; k < j; k++) sum -= (a[i * n + k] ?? 0) * (a[j * n + k] ?? 0);
      a[i * n + j] = i === j ? Math.sqrt(sum) : sum / (a[j * n + j] ?? 0);
    }
}

/** Solves L·Lᵀ·X = B in place of B. Rows are subtracted whole, because they are contiguous. */
function substitute(l: Float64Array, b: Float64Array, n: number, m: number): void {
  const subtract = (from: number, to: number, factor: number): void => {
    for (let c = 0; c < m; c++) b[to * m + c] = (b[to * m + c] ?? 0) - factor * (b[from * m + c] ?? 0);
  };
  const divide = (row: number): void => {
    const pivot = l[row * n + row] ?? 0;
    for (let c = 0; c < m; c++) b[row * m + c] = (b[row * m + c] ?? 0) / pivot;
  };
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) subtract(k, i, l[i * n + k] ?? 0);
    divide(i);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) subtract(k, i, l[k * n + i] ?? 0);
    divide(i);
  }
}
