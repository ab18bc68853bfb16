/** Means and Student-t intervals over episodes. */
import { regularizedBeta } from "./beta-function.js";

/** A mean with its confidence interval. */
export interface Estimate {
  readonly mean: number;
  /** The half-width of the two-sided 95% interval of the mean. It is NaN for fewer than two values. */
  readonly ci95: number;
  readonly count: number;
}

/** Returns the mean of `values` and its 95% interval, mean ± t₀.₉₇₅(n − 1) · s / √n. */
export function estimate(values: ArrayLike<number>): Estimate {
  const count = values.length;
  let mean = 0;
  let squares = 0; // Welford's sum of squared deviations, which is stable if all values are nearly equal.
  for (let i = 0; i < count; i++) {
    const value = values[i] ?? 0;
    const delta = value - mean;
    mean += delta / (i + 1);
    squares += delta * (value - mean);
  }
  if (count === 0) return { mean: Number.NaN, ci95: Number.NaN, count };
  if (count === 1) return { mean, ci95: Number.NaN, count };
  return { mean, ci95: studentQuantile(0.975, count - 1) * Math.sqrt(squares / (count - 1) / count), count };
}

/** Returns the p-quantile of Student's t with `df` degrees of freedom, for p in (0, 1). */
export function studentQuantile(p: number, df: number): number {
  if (p === 0.5) return 0;
  if (p < 0.5) return -studentQuantile(1 - p, df);
  let low = 0;
  let high = 1;
  while (studentCdf(high, df) < p) high *= 2;
  // Bisection down to neighboring f64 numbers takes about 60 rounds, once per report.
  for (let middle = high / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (studentCdf(middle, df) < p) low = middle;
    else high = middle;
  }
  return high;
}

/** Returns P(T ≤ t) for t ≥ 0. */
function studentCdf(t: number, df: number): number {
  return 1 - 0.5 * studentTails(t, df);
}

/** Returns P(|T| ≥ |t|) of Student's t with `df` degrees of freedom: the two-sided p-value, which is accurate in the far tails too. */
export function studentTails(t: number, df: number): number {
  return regularizedBeta(df / (df + t * t), df / 2, 0.5);
}

/** Returns P(|Z| ≥ |z|) of a standard normal: erfc(|z| / √2), by its series near 0 and its continued fraction beyond. */
export function normalTails(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  if (x < 2) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = x;
  for (let n = 60; n >= 1; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}
