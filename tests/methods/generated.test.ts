/** Generated samples: distribution calibration (Yang et al. 2021) against its formula in plain f64 loops, with the same draws. */
import { expect, it } from "vitest";
import { Draws } from "../../src/compiler/lower/draws.js";
import { episodeFeed, lowerClassify, lowerFits } from "../../src/compiler/lower/index.js";
import { NamedOps, taskAxis } from "../../src/compiler/lower/named-tensor.js";
import { assemble } from "../../src/compiler/lower/program.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import type { DatasetFacts, EvaluateStage } from "../../src/compiler/typed/tree.js";
import { axis } from "../lower/fixtures.js";
import { experimentOf } from "../lower/fsl.js";
import { run, stream } from "../lower/harness.js";
import { get, inner, softmax, solved, sum, times } from "./learner.js";
import { mean, squared } from "./metric-formulas.js";

const [classes, perClass, features] = [4, 9, 3];
const [way, shot, query, copies] = [2, 2, 2, 6];
const [near, alpha, power, C] = [2, 0.3, 0.5, 0.7];
const items = classes * perClass;
const split = { classes, images: items, smallest: { name: "one", images: perClass } };
const facts: DatasetFacts = { splits: { train: split, val: split, test: split } };
const evaluation = (transformed: boolean): EvaluateStage => {
  const text = `fsl 1
import { distribution_calibration } from "fsl:generated"
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train center_crop(1), normalize(mean: [0.5], std: [0.25])
  eval  center_crop(1), normalize(mean: [0.5], std: [0.25])
}
backbone raw { flatten as vector }
episode task = ${way} way, ${shot} shot, ${query} query
evaluate e {
  encoder raw
  metric distribution_calibration(copies: ${copies}, alpha: ${alpha}, C: ${C}, transformed: ${transformed})
  fit from d.train
  episodes task from d.test, 10 episodes
}
`;
  const [stage] = experimentOf(text, {}, { facts }).stages;
  if (stage?.kind !== "evaluate") throw new Error("an evaluation");
  return stage;
};

type Rows = readonly (readonly number[])[];
const random = stream(8);
const rows = (count: number, from: (i: number) => number): number[][] =>
  times(count, (i) => times(features, (f) => Math.abs(from(i) + 0.2 * f + random())));
const base = rows(items, (i) => Math.floor(i / perClass) % 3);
const labels = times(items, (i) => Math.floor(i / perClass));
const supports = rows(way * shot, (i) => Math.floor(i / shot));
const queries = rows(way * query, (i) => Math.floor(i / query));

/** The draws of an episode in the order of the metric: numbers for each feature, and one for each copy. */
function drawn(episode: number): { readonly g: number[]; readonly shared: number[] } {
  const ops = new NamedOps(new Graph());
  const counter = ops.of(ops.t.constant([1], [episode], "u32"), [taskAxis]);
  const draws = new Draws(ops, { seed: 4, counter, step: undefined, path: "test.metric.classify" });
  const axes = [axis("way", way), axis("shot", shot), axis("copy", copies)];
  const g = draws.sample("normal.0", { kind: "normal" }, [...axes, axis("feature", features)]).node;
  const shared = draws.sample("normal.1", { kind: "normal" }, axes).node;
  const out = run(assemble({ name: "draws", host: { g, shared }, feeds: [] }), {});
  return { g: out["g"] ?? [], shared: out["shared"] ?? [] };
}

const identity = times(features, (i) => times(features, (j) => (i === j ? 1 : 0)));
const halfSum = (a: Rows, b: Rows): number[][] => a.map((row, i) => row.map((v, j) => (v + get(b[i], j)) / 2));
/** The square root of a matrix by the iteration of Denman and Beavers. */
function rootOf(a: Rows): number[][] {
  let [y, z]: [Rows, Rows] = [a, identity];
  for (let round = 0; round < 30; round++) [y, z] = [halfSum(y, solved(z, identity)), halfSum(z, solved(y, identity))];
  return y.map((row) => [...row]);
}
const covariance = (x: Rows): number[][] => {
  const c = mean(x);
  return c.map((_, i) =>
    c.map((_, j) => sum(x.map((v) => (get(v, i) - get(c, i)) * (get(v, j) - get(c, j)))) / (x.length - 1)),
  );
};

/** The logits of a logistic regression, with the penalty of half the squares of its weights, after many small steps. */
function regression(x: Rows, y: readonly number[]): (q: readonly number[]) => number[] {
  const w = times(way, () => times(features + 1, () => 0));
  const scores = (v: readonly number[]): number[] => w.map((own) => inner(own.slice(0, -1), v) + get(own, features));
  for (let step = 0; step < 1500; step++) {
    const gradient = w.map((own) => own.map((v, f) => (f < features ? v : 0)));
    x.forEach((v, i) => {
      const p = softmax(scores(v));
      gradient.forEach((own, c) => {
        const error = C * (get(p, c) - (y[i] === c ? 1 : 0));
        [...v, 1].forEach((value, f) => {
          own[f] = get(own, f) + error * value;
        });
      });
    });
    w.forEach((own, c) => {
      own.forEach((v, f) => {
        own[f] = v - 0.03 * get(gradient[c], f);
      });
    });
  }
  return scores;
}

it.each([
  ["features as they are", false],
  ["transformed features", true],
])("distribution calibration has the scores of its formula, with statistics of %s", (_, transformed) => {
  const stage = evaluation(transformed);
  const [row] = stage.rows;
  if (row === undefined) throw new Error("a row");
  const fitted = run(lowerFits(row.metric, stage.encoder.value), { "embedded.vector": base.flat(), labels });
  const options = { episodes: 1, report: [{ kind: "logits" }], seed: 4 } as const;
  const found = run(lowerClassify(row.metric, row.task, stage.encoder.value, options), {
    ...fitted,
    "support.vector": supports.flat(),
    "query.vector": queries.flat(),
    [episodeFeed]: [3],
  })["logits"];

  const { g, shared } = drawn(3);
  const tukey = (v: readonly number[]): number[] => v.map((value) => value ** power);
  const known = times(classes, (c) => {
    const own = base.slice(c * perClass, (c + 1) * perClass);
    return transformed ? own.map(tukey) : own;
  });
  const made = supports.flatMap((support, i) => {
    const s = tukey(support);
    const nearest = [...known].sort((a, b) => squared(s, mean(a)) - squared(s, mean(b))).slice(0, near);
    const mu = times(features, (f) => (sum(nearest.map((x) => get(mean(x), f))) + get(s, f)) / (near + 1));
    const spread = times(features, (a) =>
      times(features, (b) => sum(nearest.map((x) => get(covariance(x)[a], b))) / near + (a === b ? 1e-6 : 0)),
    );
    const root = rootOf(spread);
    return times(copies, (k) => {
      const at = i * copies + k;
      const own = g.slice(at * features, (at + 1) * features);
      return mu.map((m, f) => m + inner(root[f] ?? [], own) + Math.sqrt(alpha) * get(shared, at));
    });
  });
  const targets = [
    ...times(way * shot, (i) => Math.floor(i / shot)),
    ...made.map((_, i) => Math.floor(i / copies / shot)),
  ];
  const scores = regression([...supports.map(tukey), ...made], targets);
  const expected = queries.flatMap((q) => scores(tukey(q)));
  expect(found).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs(get(found, i) - value), `score ${i}`).toBeLessThan(1e-3);
  });
});
