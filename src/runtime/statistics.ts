/** Means and Student-t intervals over episodes. */

export interface Estimate {
  readonly mean: number;
  /** Half-width of the two-sided 95% interval of the mean; NaN for fewer than two values. */
  readonly ci95: number;
  readonly count: number;
}

/** The mean of `values` and its 95% interval, mean ± t₀.₉₇₅(n − 1) · s / √n. */
export function estimate(values: ArrayLike<number>): Estimate {
  const count = values.length;
  let mean = 0;
  let squares = 0; // Welford's sum of squared deviations: stable where all values are near one.
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

/** The p-quantile of Student's t with `df` degrees of freedom, for p in (0, 1). */
export function studentQuantile(p: number, df: number): number {
  if (p === 0.5) return 0;
  if (p < 0.5) return -studentQuantile(1 - p, df);
  let low = 0;
  let high = 1;
  while (studentCdf(high, df) < p) high *= 2;
  // Bisection down to neighbouring doubles: about 60 rounds, once per report.
  for (let middle = high / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (studentCdf(middle, df) < p) low = middle;
    else high = middle;
  }
  return high;
}

/** P(T ≤ t) for t ≥ 0. */
function studentCdf(t: number, df: number): number {
  return 1 - 0.5 * studentTails(t, df);
}

/** P(|T| ≥ |t|) of Student's t with `df` degrees of freedom: the two-sided p-value, exact in its far tails too. */
export function studentTails(t: number, df: number): number {
  return regularizedBeta(df / (df + t * t), df / 2, 0.5);
}

/** P(|Z| ≥ |z|) of a standard normal: erfc(|z| / √2), by its series near 0 and its continued fraction beyond. */
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

/** I_x(a, b) by its continued fraction (modified Lentz), on the side of the mean where that converges fast. */
function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1), tiny);
  let fraction = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d, tiny);
    c = nonZero(1 + even / c, tiny);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d, tiny);
    c = nonZero(1 + odd / c, tiny);
    const change = d * c;
    fraction *= change;
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return front * fraction;
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** ln Γ(x) for x > 0: Stirling's series after shifting x above 12, where seven terms leave no error in a double. */
function logGamma(x: number): number {
  let shift = 0;
  let y = x;
  while (y < 12) {
    shift -= Math.log(y);
    y += 1;
  }
  const inverse = 1 / (y * y);
  const series =
    (1 / 12 -
      inverse *
        (1 / 360 -
          inverse *
            (1 / 1260 - inverse * (1 / 1680 - inverse * (1 / 1188 - inverse * (691 / 360360 - inverse / 156)))))) /
    y;
  return shift + (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series;
}
