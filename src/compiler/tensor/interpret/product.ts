/** Matrix products over parts of arrays. They are unrolled by hand, because the interpreter spends its time here. */

/** A matrix inside an array: its first element, and the steps from row to row and from column to column. */
export interface Matrix {
  readonly data: Float64Array;
  readonly at: number;
  readonly row: number;
  readonly column: number;
}

/** Adds a[m, k]·b[k, n] to out[m, n]. The rows of `b` and of `out` are contiguous. */
export function addProduct(out: Matrix, a: Matrix, b: Matrix, m: number, k: number, n: number): void {
  const [y, x, w] = [out.data, a.data, b.data];
  for (let i = 0; i < m; i++) {
    const to = out.at + i * out.row;
    const left = a.at + i * a.row;
    let p = 0;
    for (; p + 4 <= k; p += 4) {
      const x0 = x[left + p * a.column] as number;
      const x1 = x[left + (p + 1) * a.column] as number;
      const x2 = x[left + (p + 2) * a.column] as number;
      const x3 = x[left + (p + 3) * a.column] as number;
      const w0 = b.at + p * b.row;
      const w1 = w0 + b.row;
      const w2 = w1 + b.row;
      const w3 = w2 + b.row;
      for (let j = 0; j < n; j++)
        y[to + j] =
          (y[to + j] as number) +
          x0 * (w[w0 + j] as number) +
          x1 * (w[w1 + j] as number) +
          x2 * (w[w2 + j] as number) +
          x3 * (w[w3 + j] as number);
    }
    for (; p < k; p++) {
      const factor = x[left + p * a.column] as number;
      const from = b.at + p * b.row;
      for (let j = 0; j < n; j++) y[to + j] = (y[to + j] as number) + factor * (w[from + j] as number);
    }
  }
}

/** Adds a[m, k]·b[n, k]ᵀ to out[m, n]. The rows of `a` and `b` are contiguous. */
export function addProductTransposed(out: Matrix, a: Matrix, b: Matrix, m: number, k: number, n: number): void {
  const [y, x, w] = [out.data, a.data, b.data];
  for (let i = 0; i < m; i++) {
    const left = a.at + i * a.row;
    let j = 0;
    for (; j + 4 <= n; j += 4) {
      const w0 = b.at + j * b.row;
      const w1 = w0 + b.row;
      const w2 = w1 + b.row;
      const w3 = w2 + b.row;
      let [s0, s1, s2, s3] = [0, 0, 0, 0];
      for (let p = 0; p < k; p++) {
        const factor = x[left + p] as number;
        s0 += factor * (w[w0 + p] as number);
        s1 += factor * (w[w1 + p] as number);
        s2 += factor * (w[w2 + p] as number);
        s3 += factor * (w[w3 + p] as number);
      }
      const to = out.at + i * out.row + j;
      y[to] = (y[to] as number) + s0;
      y[to + 1] = (y[to + 1] as number) + s1;
      y[to + 2] = (y[to + 2] as number) + s2;
      y[to + 3] = (y[to + 3] as number) + s3;
    }
    for (; j < n; j++) {
      const right = b.at + j * b.row;
      let sum = 0;
      for (let p = 0; p < k; p++) sum += (x[left + p] as number) * (w[right + p] as number);
      const to = out.at + i * out.row + j;
      y[to] = (y[to] as number) + sum;
    }
  }
}
