/** Compares two methods on the same episodes with paired tests: the size of the difference, and its p-values. */
import { type Estimate, estimate, normalTails, studentTails } from "../../common/statistics.js";

export interface PairedComparison {
  /** The mean of the differences a − b over the episodes, and the half-width of its Student-t 95% interval. */
  readonly difference: Estimate;
  /** The two-sided paired t-test. The statistic is infinite if all differences are equal and not 0. */
  readonly t: { readonly statistic: number; readonly df: number; readonly p: number };
  readonly wilcoxon: Wilcoxon;
  /** The numbers of episodes in which a is better, both are equal, and b is better. */
  readonly episodes: { readonly better: number; readonly equal: number; readonly worse: number };
}

/** The two-sided Wilcoxon signed-rank test. Episodes without a difference are left out. */
export interface Wilcoxon {
  /** The sum of the ranks of positive differences. Ties have their mean rank. */
  readonly statistic: number;
  readonly p: number;
  /** `exact` counts all signs of the ranks. `normal` is the approximation, corrected for ties and continuity. */
  readonly method: "exact" | "normal";
}

/** Up to this number of differences, the distribution of Wilcoxon's statistic is computed exactly. */
const exactUpTo = 50;

/** Compares two lists of values, episode by episode. @throws RangeError if their lengths differ or are below 2. */
export function comparePaired(a: ArrayLike<number>, b: ArrayLike<number>): PairedComparison {
  if (a.length !== b.length || a.length < 2) throw new RangeError("a pairing needs two lists of one length");
  const differences = Float64Array.from({ length: a.length }, (_, i) => difference(a[i] ?? 0, b[i] ?? 0));
  const estimated = estimate(differences);
  const df = differences.length - 1;
  const error = standardError(differences, estimated.mean);
  const statistic = estimated.mean === 0 ? 0 : estimated.mean / error;
  return {
    difference: estimated,
    t: { statistic, df, p: Number.isFinite(statistic) ? studentTails(statistic, df) : 0 },
    wilcoxon: wilcoxon(differences),
    episodes: {
      better: differences.filter((d) => d > 0).length,
      equal: differences.filter((d) => d === 0).length,
      worse: differences.filter((d) => d < 0).length,
    },
  };
}

/** Returns a − b. Accuracies are fractions of small counts, so a smaller difference than any fraction is rounding and counts as 0. */
function difference(a: number, b: number): number {
  const d = a - b;
  return Math.abs(d) < 1e-12 ? 0 : d;
}

function standardError(values: Float64Array, mean: number): number {
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1) / values.length);
}

/** Computes Wilcoxon's signed-rank test of differences. */
export function wilcoxon(differences: ArrayLike<number>): Wilcoxon {
  const real = Array.from(differences).filter((d) => d !== 0);
  const { ranks, ties } = meanRanks(real.map(Math.abs));
  const statistic = real.reduce((sum, d, i) => sum + (d > 0 ? (ranks[i] ?? 0) : 0), 0);
  const n = real.length;
  if (n === 0) return { statistic, p: 1, method: "exact" };
  if (n <= exactUpTo) return { statistic, p: exactTails(ranks, statistic), method: "exact" };
  const mean = (n * (n + 1)) / 4;
  const variance = (n * (n + 1) * (2 * n + 1)) / 24 - ties / 48;
  const distance = Math.max(0, Math.abs(statistic - mean) - 0.5);
  return { statistic, p: normalTails(distance / Math.sqrt(variance)), method: "normal" };
}

/** Returns ranks from 1, with mean ranks for equal values. `ties` is Σ(t³ − t) over groups of t equal values. */
function meanRanks(values: readonly number[]): { readonly ranks: readonly number[]; readonly ties: number } {
  const order = values.map((_, i) => i).sort((i, j) => (values[i] ?? 0) - (values[j] ?? 0));
  const ranks = new Array<number>(values.length).fill(0);
  let ties = 0;
  for (let start = 0; start < order.length; ) {
    const value = values[order[start] ?? 0] ?? 0;
    let end = start + 1;
    // Differences of equal size but opposite sign may differ in their last bits.
    while (end < order.length && (values[order[end] ?? 0] ?? 0) - value < 1e-12) end++;
    for (let i = start; i < end; i++) ranks[order[i] ?? 0] = (start + 1 + end) / 2;
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  return { ranks, ties };
}

/** Returns the share of all sign assignments whose sum of positive ranks is at least as far from the mean. */
function exactTails(ranks: readonly number[], statistic: number): number {
  // Mean ranks are multiples of one half, so a doubled rank is an integer.
  const doubled = ranks.map((rank) => Math.round(2 * rank));
  const total = doubled.reduce((sum, rank) => sum + rank, 0);
  let shares = new Float64Array(total + 1);
  shares[0] = 1;
  for (const rank of doubled) {
    shares = shares.map((share, sum) => (share + (sum >= rank ? (shares[sum - rank] ?? 0) : 0)) / 2);
  }
  const distance = Math.abs(2 * statistic - total / 2);
  const far = shares.filter((_, sum) => Math.abs(sum - total / 2) >= distance - 1e-9);
  return Math.min(
    1,
    far.reduce((sum, share) => sum + share, 0),
  );
}
