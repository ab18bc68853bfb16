/** VERSA (Gordon et al. 2019) against its formula: the scores of computed heads, and what draws of them add. */
import { expect, it } from "vitest";
import { step, stream, type Values } from "../lower/harness.js";
import { type Embedding, type Episode, episode, metricOf, scored, supportsOf } from "./embedded.js";
import { images, method, queryLabels, task } from "./episode.js";
import { crossEntropy, features, get, inner, sum, times } from "./learner.js";
import { split } from "./update.js";

const hidden = 3;
const vector: Embedding = { form: "vector", channels: 2, side: 2 };

function linear(x: readonly number[], w: Values, path: string): number[] {
  const [weight = [], bias = []] = [w[`${path}.weight`], w[`${path}.bias`]];
  return bias.map((own, o) => own + inner(weight.slice(o * x.length, (o + 1) * x.length), x));
}
const relu = (x: readonly number[]): number[] => x.map((v) => Math.max(0, v));
/** The layers of a module that computes weights or biases, or the logarithms of their variances. */
function computed(x: readonly number[], w: Values, name: string): number[] {
  const [first, second, third] = [0, 1, 2].map((layer) => `metric.${name}.linear.${layer}`);
  return linear(relu(linear(relu(linear(x, w, first ?? "")), w, second ?? "")), w, third ?? "");
}
/** The shared features of vectors: normalized by running statistics, or `together` by their own. */
function h(vectors: readonly (readonly number[])[], w: Values, together = false): number[][] {
  const norm = (of: string): readonly number[] => w[`metric.h.batch_norm.0.${of}`] ?? [];
  const rows = vectors.map((x) => linear(x, w, "metric.h.linear.0"));
  const own = (i: number, value: (v: number) => number): number =>
    sum(rows.map((row) => value(get(row, i)))) / rows.length;
  const centres = together ? times(hidden, (i) => own(i, (v) => v)) : norm("running_mean");
  const variances = together ? times(hidden, (i) => own(i, (v) => (v - get(centres, i)) ** 2)) : norm("running_var");
  return rows.map((row) =>
    relu(
      row.map((v, i) => {
        const scaled = (v - get(centres, i)) / Math.sqrt(get(variances, i) + 1e-5);
        return scaled * get(norm("weight"), i) + get(norm("bias"), i);
      }),
    ),
  );
}
/** Mean and variance of the score of a query's features for a class of these supports. */
function scoreOf(
  q: readonly number[],
  supports: readonly (readonly number[])[],
  w: Values,
): { mean: number; variance: number } {
  const c = times(q.length, (i) => sum(supports.map((x) => get(x, i))) / supports.length);
  const squares = q.map((v) => v * v);
  return {
    mean: inner(q, computed(c, w, "w_mean")) + get(computed(c, w, "b_mean"), 0),
    variance: inner(squares, computed(c, w, "w_spread").map(Math.exp)) + Math.exp(get(computed(c, w, "b_spread"), 0)),
  };
}

it.each([1, 3])("scores are those of the mean head, less where it is unsure: %i shot", (shot) => {
  const e = episode({ way: 3, shot, query: 2 }, 8);
  const { scores, weights } = scored(metricOf("meta", `versa(hidden: ${hidden})`, vector, e), vector, e);
  for (const [q, x] of h(e.queries, weights).entries()) {
    for (let c = 0; c < e.way; c++) {
      const { mean, variance } = scoreOf(x, h(supportsOf(e, c), weights), weights);
      expect(get(scores[q], c)).toBeCloseTo(mean / Math.sqrt(1 + (Math.PI / 8) * variance), 5);
    }
  }
});

it("the features of the encoder as they are, as in the authors' code", () => {
  const e = episode({ way: 3, shot: 2, query: 2 }, 8);
  const stage = metricOf("meta", `versa(hidden: ${hidden}, shared: false)`, vector, e);
  const { scores, weights } = scored(stage, vector, e);
  expect(Object.keys(weights).filter((path) => path.startsWith("metric.h."))).toEqual([]);
  for (const [q, x] of e.queries.entries()) {
    for (let c = 0; c < e.way; c++) {
      const { mean, variance } = scoreOf(x, supportsOf(e, c), weights);
      const expected = mean / Math.sqrt(1 + (Math.PI / 8) * variance);
      expect(Math.abs(get(scores[q], c) - expected)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected)));
    }
  }
});

it("dropout acts on the shared features in training only", () => {
  const e = episode({ way: 3, shot: 2, query: 2 }, 8);
  const scoresOf = (metric: string): number[][] => scored(metricOf("meta", metric, vector, e), vector, e).scores;
  expect(scoresOf(`versa(hidden: ${hidden}, drop: 0.5)`)).toEqual(scoresOf(`versa(hidden: ${hidden})`));
});

/** The method's state with the same variance of every score. */
function unsure(variance: number) {
  const m = method("meta", `versa(hidden: ${hidden})`, "sgd(lr: 1.0)", "loss sampled");
  const state = { ...m.state };
  for (const [name, bias] of [
    ["w_spread", Number.NEGATIVE_INFINITY],
    ["b_spread", Math.log(variance)],
  ] as const) {
    const path = `metric.${name}.linear.2`;
    state[`${path}.weight`] = (state[`${path}.weight`] ?? []).map(() => 0);
    state[`${path}.bias`] = (state[`${path}.bias`] ?? []).map(() => Math.max(bias, -200));
  }
  return { ...m, state };
}
const episodes = [images(1), images(2)];
const bytes = episodes.flatMap((one) => one.bytes);
function means(w: Values): number[][][] {
  return episodes.map(({ all }) => {
    const { support, query } = split(features(all, w));
    const e: Episode = { ...task, support: h(support, w, true), queries: h(query, w, true) };
    return e.queries.map((q) => times(e.way, (c) => scoreOf(q, supportsOf(e, c), w).mean));
  });
}
const lossOf = (scores: readonly number[][][]): number =>
  sum(scores.map((one) => crossEntropy(one, queryLabels).loss)) / scores.length;

it("the loss of heads without spread is their means' cross-entropy", () => {
  const { training, state } = unsure(0);
  expect(step(training, state, { images: bytes }).host["loss"]?.[0]).toBeCloseTo(lossOf(means(state)), 8);
});

it("heads are drawn anew at each step, and as far from their means as their variance says", () => {
  const variance = 4;
  const { training, state } = unsure(variance);
  const rounds = 400;
  const losses = times(rounds, (round) => {
    const { host } = step(training, { ...state, step: [round] }, { images: bytes });
    return get(host["loss"], 0);
  });
  expect(new Set(losses).size).toBe(rounds);
  // The same by numbers of a normal (Box & Muller 1958).
  const random = stream(3);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const mean = means(state);
  const expected = times(4000, () =>
    lossOf(mean.map((one) => one.map((row) => row.map((z) => z + Math.sqrt(variance) * normal())))),
  );
  const average = (values: readonly number[]): number => sum(values) / values.length;
  const deviation = Math.sqrt(average(expected.map((v) => (v - average(expected)) ** 2)));
  expect(Math.abs(average(losses) - average(expected))).toBeLessThan((4 * deviation) / Math.sqrt(rounds));
});
