/** Episodes whose classes have different numbers of queries: each query is scored by the way that its label says. */
import { expect, it } from "vitest";
import { labelFeed, lowerClassify, lowerTraining } from "../../src/compiler/lower/index.js";
import { experimentOf } from "./fsl.js";
import { initialState, run, step, stream } from "./harness.js";

const side = 3;
const pixels = 3 * side * side;
const text = `fsl 1
import { emoji } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
dataset d = emoji() { train resize(${side})  eval resize(${side}) }
backbone flat { flatten as vector }
backbone scaled { conv(1, 3) as early, flatten as vector }
episode task = 3 way, 1 shot, 2 query, dirichlet(1.0)
meta m {
  encoder scaled  metric prototypes  episodes task from d.train
  optimizer sgd(lr: 0.1)  for 4 episodes, 2 episodes per step
}
evaluate e { encoder flat  metric prototypes  episodes task from d.test }
`;
const random = stream(8);
const row = (): number[] => Array.from({ length: pixels }, () => Math.floor(random() * 256));
/** Two episodes: the second has no query of its last way. */
const labels = [
  [0, 1, 1, 1, 2, 2],
  [0, 0, 0, 1, 1, 1],
];
const experiment = experimentOf(text);
const squared = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, v, i) => sum + (v - (b[i] ?? 0)) ** 2, 0);

it("the credit of a query is by its label", () => {
  const stage = experiment.stages.find((one) => one.kind === "evaluate");
  const [first] = stage?.rows ?? [];
  if (stage === undefined || first === undefined) throw new Error("no row");
  expect(first.task.dirichlet).toBe(1);
  const program = lowerClassify(first.metric, first.task, stage.encoder.value, { episodes: 2, report: [] });
  const support = labels.map(() => [row(), row(), row()]);
  const query = labels.map((own) => own.map(() => row()));
  const out = run(program, {
    "support.vector": support.flat(2),
    "query.vector": query.flat(2),
    [labelFeed]: labels.flat(),
  });
  const nearest = query.flatMap((own, e) =>
    own.map((x) => {
      const far = (support[e] ?? []).map((s) => squared(x, s));
      return far.indexOf(Math.min(...far));
    }),
  );
  expect([...(out["predicted"] ?? [])]).toEqual(nearest);
  expect([...(out["correct"] ?? [])]).toEqual(nearest.map((way, i) => (way === labels.flat()[i] ? 1 : 0)));
});

it("a training takes the labels, and other labels give another loss", () => {
  const stage = experiment.stages.find((one) => one.kind === "meta");
  const [dataset] = Object.values(experiment.datasets);
  if (stage?.kind !== "meta" || dataset === undefined) throw new Error("no meta");
  const training = lowerTraining(stage, dataset, { seed: 0 });
  const state = initialState(training);
  const images = Array.from({ length: 18 }, row).flat();
  const lossOf = (given: readonly number[]): number =>
    step(training, state, { images, [labelFeed]: [...given] }).host.loss?.[0] ?? Number.NaN;
  const loss = lossOf(labels.flat());
  const turned = (by: number): number[] => labels.flat().map((way) => (way + by) % 3);
  expect(lossOf(turned(1))).not.toBeCloseTo(loss, 3);
  expect(lossOf(labels.flat())).toBe(loss);
});
