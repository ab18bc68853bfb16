import { describe, expect, it } from "vitest";
import { initialWeights, lowerClassify, lowerEpisodes, lowerTraining } from "../../src/compiler/lower/index.js";
import { buildPlan } from "../../src/compiler/stages/index.js";
import { verify } from "../../src/compiler/tensor/verify.js";
import type { Experiment, MetaStage } from "../../src/compiler/typed/tree.js";
import { metricWeights } from "../../src/compiler/typed/weights.js";
import { experimentOf } from "./fsl.js";
import { initialState, run, step, stream, type Values } from "./harness.js";

/** An experiment with a metric of the library, a small backbone and episodes of 3 ways. */
const source = (metric: string, loss = "", stride = 1): string => `fsl 1
import { prototypes, cosine_prototypes, nearest_neighbor, matching, relation, dn4, feat, frn } from "fsl:metrics"
import { r2d2 } from "fsl:meta"
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train random_resized_crop(10), normalize(mean: [0.5], std: [0.25])
  eval  resize(12), center_crop(10), normalize(mean: [0.5], std: [0.25])
}
backbone tiny { conv(3, 3, stride: ${stride}), batch_norm, leaky_relu(0.1) as map, max_pool(2), flatten as vector }
episode task = 3 way, 2 shot, 2 query
meta m {
  encoder   tiny
  metric    ${metric}
  episodes  task from d.train
  ${loss}
  optimizer sgd(lr: 1.0)
  for       1 epoch of 4 episodes, 1 episode per step
}
evaluate e { of m  episodes task from d.test, 10 episodes  report accuracy, top2 }
`;
const methods: Record<string, string> = {
  prototypes: source("prototypes"),
  "prototypes, cosine": source("cosine_prototypes(start: 4.0)"),
  "nearest neighbour": source("nearest_neighbor"),
  matching: source("matching(scale: 5.0)"),
  relation: source("relation(channels: 3, hidden: 4)"),
  dn4: source("dn4(k: 2)", "", 2),
  frn: source("frn", "", 2),
  r2d2: source("r2d2"),
  feat: source("feat"),
  "feat with its contrast": source("feat", "loss classify + 0.1 * contrast"),
};

const metaOf = (experiment: Experiment): MetaStage => {
  const stage = experiment.stages.find((s) => s.kind === "meta");
  if (stage?.kind !== "meta") throw new Error("no meta stage");
  return stage;
};
const datasetOf = (experiment: Experiment) => {
  const [dataset] = Object.values(experiment.datasets);
  if (dataset === undefined) throw new Error("no dataset");
  return dataset;
};
it("validates with the metric in the sizes of the validation's task, not of the training's", () => {
  const experiment = experimentOf(
    `${methods["r2d2"]}`.replace(
      "meta m {",
      "episode wide = 4 way, 3 shot, 1 query\nmeta m {\n  validate wide from d.val, 10 episodes, every epoch",
    ),
  );
  const { validate, encoder, metric } = metaOf(experiment);
  if (validate === undefined) throw new Error("no validation");
  const lowered = (m: typeof metric.value) =>
    lowerClassify(m, validate.task, encoder.value, { episodes: 2, report: [] });
  expect(() => verify(lowered(validate.metric))).not.toThrow();
  expect(() => lowered(metric.value)).toThrow();
});

const noise = (n: number, seed: number): number[] => {
  const random = stream(seed);
  return Array.from({ length: n }, random);
};

describe("methods of the library", () => {
  for (const [name, text] of Object.entries(methods)) {
    const experiment = experimentOf(text);
    const stage = metaOf(experiment);
    const dataset = datasetOf(experiment);

    it(`${name}: the step goes down the finite-difference gradient of its loss`, () => {
      const training = lowerTraining(stage, dataset, { seed: 0 });
      expect(() => verify(training.program)).not.toThrow();
      const state = initialState(training, 2);
      const images = noise(12 * 300, 3).map((v) => Math.floor(v * 256));
      const after = step(training, state, { images });
      const random = stream(8);
      for (const path of training.trained) {
        const own = state[path] ?? [];
        for (let trial = 0; trial < 2; trial++) {
          const i = Math.floor(random() * own.length);
          const loss = (by: number): number =>
            step(training, { ...state, [path]: own.with(i, (own[i] ?? 0) + by) }, { images }).host.loss?.[0] ??
            Number.NaN;
          const numeric = (loss(1e-5) - loss(-1e-5)) / 2e-5;
          const analytic = (own[i] ?? 0) - (after.state[path]?.[i] ?? Number.NaN);
          expect(Math.abs(numeric - analytic), path).toBeLessThan(2e-6 * Math.max(1, Math.abs(numeric)));
        }
      }
    });

    it(`${name}: episodes side by side are classified as one by one`, () => {
      const { task } = stage.episodes;
      const encoder = stage.encoder.value;
      const options = (episodes: number) => ({ episodes, report: [{ kind: "top", k: 2 }] as const });
      const together = lowerClassify(stage.metric.value, task, encoder, options(3));
      const alone = lowerClassify(stage.metric.value, task, encoder, options(1));
      expect(() => verify(together)).not.toThrow();
      const weights: Values = {};
      for (const [path, t] of Object.entries(initialWeights(metricWeights(stage.metric, encoder), 4)))
        weights[path] = [...t.data];
      const feeds: Values = {};
      for (const input of together.inputs) {
        if (input.role === "feed")
          feeds[input.name] = noise(
            input.node.shape.reduce((a, b) => a * b, 1),
            input.name.length,
          );
      }
      const all = run(together, { ...weights, ...feeds });
      for (let e = 0; e < 3; e++) {
        const own: Values = {};
        for (const [key, values] of Object.entries(feeds))
          own[key] = values.slice((e * values.length) / 3, ((e + 1) * values.length) / 3);
        const one = run(alone, { ...weights, ...own });
        for (const output of ["correct", "top2", "predicted"]) {
          expect(one[output]).toEqual(all[output]?.slice(e * 6, (e + 1) * 6));
        }
      }
      const whole = lowerEpisodes(stage.metric.value, task, encoder, dataset, options(2));
      expect(() => verify(whole)).not.toThrow();
    });
  }

  it("are planned, every one", () => {
    for (const text of Object.values(methods)) {
      const plan = buildPlan(experimentOf(text), {
        seed: 0,
        lookup: () => undefined,
        data: {},
        engine: { name: "x", device: "cpu", peakFactor: [1, 1] },
      });
      expect(plan.stages.map((s) => s.kind)).toEqual(["ingest", "meta", "evaluate"]);
    }
  });
});
