/** One update of a training step against a formula of the loss: its gradient by central differences, then the step. */
import { expect } from "vitest";
import { step, type Values } from "../lower/harness.js";
import { type Images, type Method, queries, queryLabels, supports } from "./episode.js";
import { crossEntropy, get } from "./learner.js";

const width = 1e-5;

/** Scores of an episode's queries in training, from the paper: [query][way]. */
export type Formula = (w: Values, episode: Images) => number[][];

/** The mean over a step's episodes of the mean cross-entropy over queries. */
export function queryLoss(w: Values, episodes: readonly Images[], formula: Formula): number {
  const each = episodes.map((episode) => crossEntropy(formula(w, episode), queryLabels).loss);
  return each.reduce((a, b) => a + b, 0) / each.length;
}

/** Central differences of `loss` in every value of the weights named. */
export function slopes(w: Values, paths: readonly string[], loss: (w: Values) => number): Values {
  return Object.fromEntries(paths.map((path) => [path, (w[path] ?? []).map((_, i) => slopeAt(w, path, i, loss))]));
}
function slopeAt(w: Values, path: string, i: number, loss: (w: Values) => number): number {
  const own = w[path] ?? [];
  const at = (by: number): number => loss({ ...w, [path]: own.with(i, get(own, i) + by) });
  return (at(width) - at(-width)) / (2 * width);
}

/**
 * A step of `sgd(lr: 1.0)` from the method's state, against the formula's loss and its slopes: of every weight at least
 * one value, of larger ones each `every`th.
 */
export function expectUpdate(m: Method, episodes: readonly Images[], loss: (w: Values) => number, every = 1): void {
  const images = episodes.flatMap(({ bytes }) => bytes);
  const { host, state } = step(m.training, m.state, { images });
  expect(host["loss"]?.[0]).toBeCloseTo(loss(m.state), 8);
  expect(m.training.trained.length).toBeGreaterThan(0);
  for (const path of m.training.trained) {
    (m.state[path] ?? []).forEach((before, i) => {
      if (i % every > 0) return;
      const slope = slopeAt(m.state, path, i, loss);
      const moved = before - get(state[path], i);
      expect(Math.abs(moved - slope), `${path}[${i}]: ${moved}, and ${slope} by differences`).toBeLessThan(
        1e-6 * Math.max(1, Math.abs(slope)),
      );
    });
  }
}

/**
 * Steps of `adam` (Kingma & Ba 2015, with L2 decay as in PyTorch), one for each batch of episodes, against the formula's
 * own way from the same start: every value of every weight. `eps` is large enough that slopes by differences tell.
 */
export function expectAdam(
  m: Method,
  batches: readonly (readonly Images[])[],
  loss: (w: Values, episodes: readonly Images[]) => number,
): void {
  const { lr, weightDecay, beta1, beta2, eps } = m.stage.optimizer;
  const { trained } = m.training;
  expect(m.stage.optimizer.kind).toBe("adam");
  expect(eps).toBeGreaterThanOrEqual(1e-3);
  let state = m.state;
  let w = m.state;
  let [first, second]: [Values, Values] = [{}, {}];
  batches.forEach((episodes, k) => {
    const found = step(m.training, state, { images: episodes.flatMap(({ bytes }) => bytes) });
    expect(found.host["loss"]?.[0]).toBeCloseTo(loss(w, episodes), 6);
    state = found.state;
    const gradient = slopes(w, trained, (at) => loss(at, episodes));
    const next: { w: Values; first: Values; second: Values } = { w: { ...w }, first: {}, second: {} };
    for (const path of trained) {
      const decayed = (w[path] ?? []).map((v, i) => get(gradient[path], i) + weightDecay * v);
      const before = (of: Values, i: number): number => of[path]?.[i] ?? 0;
      const m1 = decayed.map((g, i) => beta1 * before(first, i) + (1 - beta1) * g);
      const m2 = decayed.map((g, i) => beta2 * before(second, i) + (1 - beta2) * g * g);
      const moved = (i: number): number =>
        ((lr / (1 - beta1 ** (k + 1))) * get(m1, i)) / (Math.sqrt(get(m2, i) / (1 - beta2 ** (k + 1))) + eps);
      Object.assign(next.first, { [path]: m1 });
      Object.assign(next.second, { [path]: m2 });
      next.w = { ...next.w, [path]: (w[path] ?? []).map((v, i) => v - moved(i)) };
    }
    ({ w, first, second } = next);
  });
  for (const path of trained)
    w[path]?.forEach((wanted, i) => {
      expect(Math.abs(get(state[path], i) - wanted), `${path}[${i}]`).toBeLessThan(1e-3 * lr);
      expect(Math.abs(wanted - get(m.state[path], i)), `${path}[${i}] has moved`).toBeGreaterThan(0);
    });
}

/** [query][way] against [query][way]. */
export function expectScores(found: readonly (readonly number[])[], formula: readonly (readonly number[])[]): void {
  expect(found.length).toBe(queries);
  formula.forEach((row, q) =>
    row.forEach((wanted, c) => {
      expect(Math.abs(get(found[q], c) - wanted), `query ${q}, way ${c}`).toBeLessThan(
        1e-7 * Math.max(1, Math.abs(wanted)),
      );
    }),
  );
}
export const split = <T>(rows: readonly T[]): { support: T[]; query: T[] } => ({
  support: rows.slice(0, supports),
  query: rows.slice(supports),
});
