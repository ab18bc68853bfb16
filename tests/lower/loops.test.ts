import { describe, expect, it } from "vitest";
import { lowerTraining } from "../../src/compiler/lower/index.js";
import { verify } from "../../src/compiler/tensor/verify.js";
import type { Experiment, MetaStage } from "../../src/compiler/typed.js";
import { experimentOf } from "./fsl.js";
import { initialState, step, stream } from "./harness.js";

const source = (metric: string, episodes = 1): string => `fsl 1
import { maml, fomaml, maml_inductive, meta_sgd, anil, boil } from "fsl:meta"
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train random_resized_crop(6), normalize(mean: [0.5], std: [0.25])
  eval  resize(8), center_crop(6), normalize(mean: [0.5], std: [0.25])
}
backbone tiny { conv(3, 3), batch_norm, leaky_relu(0.1), max_pool(2), flatten as vector }
episode task = 3 way, 2 shot, 2 query
meta m {
  encoder   tiny
  metric    ${metric}
  episodes  task from d.train
  optimizer sgd(lr: 1.0)
  for       1 epoch of 4 episodes, ${episodes} episode${episodes === 1 ? "" : "s"} per step
}
evaluate e { of m  episodes task from d.test, 10 episodes }
`;
const metaOf = (experiment: Experiment): MetaStage => {
  const stage = experiment.stages.find((s) => s.kind === "meta");
  if (stage?.kind !== "meta") throw new Error("no meta stage");
  return stage;
};
const datasetOf = (experiment: Experiment) => {
  const [dataset] = Object.values(experiment.datasets);
  if (!dataset) throw new Error("no dataset");
  return dataset;
};

describe("a step through an inner loop", () => {
  for (const metric of [
    "maml(rate: 0.5, inner: 2 steps)",
    "maml_inductive(rate: 0.5, inner: 2 steps)",
    "meta_sgd",
    "anil(inner: 2 steps)",
    "boil",
  ]) {
    it(`${metric}: goes down the finite-difference gradient of the outer loss`, () => {
      const experiment = experimentOf(source(metric));
      const training = lowerTraining(metaOf(experiment), datasetOf(experiment), { seed: 0 });
      expect(() => verify(training.program)).not.toThrow();
      const state = initialState(training, 2);
      const random = stream(3);
      const images = Array.from({ length: 12 * 108 }, () => Math.floor(random() * 256));
      const after = step(training, state, { images });
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
  }
});
