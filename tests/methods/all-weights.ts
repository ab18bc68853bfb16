/** Fine-tuning of every weight (Dhillon et al. 2020): the encoder's, and a head that starts at normalized class means. */
import type { Values } from "../lower/harness.js";
import { type Images, supportLabels, supports } from "./episode.js";
import { bodyPaths, features, get, inner, normalized, runningOf, sum, times } from "./learner.js";
import { mean } from "./metric-formulas.js";
import { adam } from "./transductive-formulas.js";
import { slopes } from "./update.js";

export interface FineTuning {
  readonly steps: number;
  /** The rate of each weight; 0 where it stays. */
  readonly rate: (path: string) => number;
  /** Of the scores of all images, supports first. */
  readonly loss: (scores: readonly (readonly number[])[]) => number;
}

/** Scores of the queries after Adam's steps; batch norms keep their running statistics. */
export function fineTuned(start: Values, episode: Images, { steps, rate, loss }: FineTuning): number[][] {
  const by = runningOf(start);
  const embedded = (w: Values): number[][] => features(episode.all, w, by);
  const own = embedded(start).slice(0, supports);
  const ways = [...new Set(supportLabels)];
  const head = ways.map((c) => normalized(mean(own.filter((_, i) => supportLabels[i] === c))));
  const width = head[0]?.length ?? 0;
  const row = (w: Values, c: number): number[] => (w["W"] ?? []).slice(c * width, (c + 1) * width);
  const logits = (w: Values): number[][] =>
    embedded(w).map((x) => ways.map((c) => inner(x, row(w, c)) + get(w["b"], c)));
  const w: Values = { ...start, W: head.flat(), b: ways.map(() => 0) };
  const paths = [...bodyPaths, "W", "b"];
  const sizes = paths.map((path) => w[path]?.length ?? 0);
  const rates = paths.flatMap((path, i) => times(sizes[i] ?? 0, () => rate(path)));
  const named = (flat: readonly number[]): Values => {
    const part = (i: number): number[] => flat.slice(sum(sizes.slice(0, i)), sum(sizes.slice(0, i + 1)));
    return { ...w, ...Object.fromEntries(paths.map((path, i) => [path, part(i)])) };
  };
  const flat = (values: Values): number[] => paths.flatMap((path) => values[path] ?? []);
  const end = adam(flat(w), rates, steps, (x) => flat(slopes(named(x), paths, (at) => loss(logits(at)))));
  return logits(named(end)).slice(supports);
}
