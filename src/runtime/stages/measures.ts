/** Accuracies of the episodes of a row, and the means of the accuracies of their classes. */
import { type Estimate, estimate } from "../../common/statistics.js";
import { type Episode, wayOf } from "../data/contract.js";
import type { ScoredEpisodes } from "./scored-episodes.js";

/** A measure of a row: its value for each episode, and its mean with an interval. */
export interface Measure {
  readonly values: readonly number[];
  readonly estimate: Estimate;
}

/** Calls `visit` for each query of an episode with its way and the place of its values. Repeated images are left out. */
export function eachReal(
  episode: Episode,
  task: ScoredEpisodes["row"]["task"],
  visit: (way: number, q: number) => void,
): void {
  for (let q = 0; q < task.way * task.query; q++) {
    const way = wayOf(episode, task, q);
    if (q % task.query < (episode.counts?.[way] ?? task.query)) visit(way, q);
  }
}

/**
 * Returns the mean credit of the queries of each episode. Its interval is over the episodes; that of a single episode is over its
 * queries.
 */
export function accuracyOf({ row: { task, whole }, episodes }: ScoredEpisodes, credit: Float32Array): Measure {
  return measured(
    episodes.map((episode, e) => {
      const values: number[] = [];
      eachReal(episode, task, (_, q) => values.push(credit[e * task.way * task.query + q] ?? 0));
      return values;
    }),
    whole,
  );
}

/** Returns the mean over the classes of each episode. Its interval is over the episodes; that of a single episode is over its classes. */
export function classMeanOf(scored: ScoredEpisodes): Measure {
  return measured(
    scored.episodes.map((_, e) => classAccuracies(scored, e)),
    scored.row.whole,
  );
}

/** The class means of known and of new classes, and their harmonic mean, each over the episodes. */
export interface HarmonicMeasures {
  readonly seen: Measure;
  readonly unseen: Measure;
  readonly harmonic: Measure;
}

/**
 * Returns the class means S over the ways that `known` has and U over the others, and H = 2SU / (S + U). The interval of H of a
 * single episode follows from those of S and U, as of a function of two independent means.
 */
export function harmonicOf(scored: ScoredEpisodes, known: ReadonlySet<string>): HarmonicMeasures {
  const part = (isSeen: boolean): Measure =>
    measured(
      scored.episodes.map(({ classes }, e) =>
        classAccuracies(scored, e).filter((_, c) => known.has(scored.split.classes[classes[c] ?? 0] ?? "") === isSeen),
      ),
      scored.row.whole,
    );
  const [seen, unseen] = [part(true), part(false)];
  const mean = (s: number, u: number): number => (s + u === 0 ? 0 : (2 * s * u) / (s + u));
  const values = seen.values.map((s, e) => mean(s, unseen.values[e] ?? Number.NaN));
  if (values.length > 1) return { seen, unseen, harmonic: { values, estimate: estimate(values) } };
  const [s, u] = [seen.estimate, unseen.estimate];
  const slope = (other: number): number => (s.mean + u.mean === 0 ? 1 : 2 * (other / (s.mean + u.mean)) ** 2);
  const ci95 = Math.hypot(slope(u.mean) * s.ci95, slope(s.mean) * u.ci95);
  return { seen, unseen, harmonic: { values, estimate: { mean: values[0] ?? Number.NaN, ci95, count: 1 } } };
}

/** Returns the accuracy of each way of an episode, in the order of its classes. It is NaN for a way without queries. */
export function classAccuracies({ row: { task }, episodes, classified }: ScoredEpisodes, e: number): number[] {
  const episode = episodes[e];
  if (episode === undefined) return [];
  const sums = new Float64Array(task.way);
  const counts = new Int32Array(task.way);
  eachReal(episode, task, (c, q) => {
    sums[c] = (sums[c] ?? 0) + (classified.correct[e * task.way * task.query + q] ?? 0);
    counts[c] = (counts[c] ?? 0) + 1;
  });
  return Array.from(sums, (sum, c) => sum / (counts[c] ?? 0));
}

/** Returns the means of lists of values, one list for each episode. Values that are NaN are left out. */
function measured(lists: readonly (readonly number[])[], whole: boolean | undefined): Measure {
  const present = lists.map((list) => list.filter((value) => !Number.isNaN(value)));
  const values = present.map((list) => list.reduce((sum, value) => sum + value, 0) / list.length);
  const [only = [], ...more] = present;
  if (whole !== true || more.length > 0) return { values, estimate: estimate(values) };
  return { values, estimate: { ...estimate(only), count: 1 } };
}
