/** What the entries of a metric are given, and what becomes of what they give. */
import { describe, expect, it } from "vitest";
import { lowerTraining } from "../../src/compiler/lower/index.js";
import { experimentOf } from "./fsl.js";
import { initialState, step, stream } from "./harness.js";

/** The loss of the first step of a stage whose loss is this entry; episodes of 3 ways, 2 shots, 2 queries. */
function lossOf(entry: string, loss = "own", episodes = 2): number {
  const experiment = experimentOf(`fsl 1
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") { train random_resized_crop(6)  eval resize(8), center_crop(6) }
backbone tiny { conv(3, 3), batch_norm, relu, max_pool(2), flatten as vector }
episode task = 3 way, 2 shot, 2 query
metric m {
  classify(support: vector [way, shot], query: vector) -> logits [way] {
    -squared_distance(query, mean(support over shot) over feature)
  }
  ${entry}
}
meta s {
  encoder tiny  metric m  episodes task from d.train  loss ${loss}
  optimizer sgd(lr: 1.0)
  for 1 epoch of 4 episodes, ${episodes} episodes per step
}
`);
  const [stage] = experiment.stages;
  const [dataset] = Object.values(experiment.datasets);
  if (stage?.kind !== "meta" || dataset === undefined) throw new Error("no meta stage");
  const training = lowerTraining(stage, dataset, { seed: 0 });
  const images = Array.from({ length: episodes * 12 * 108 }, stream(3)).map((v) => Math.floor(v * 256));
  return step(training, initialState(training, 2), { images }).host["loss"]?.[0] ?? Number.NaN;
}
const scored = "-squared_distance(queries[way as row], mean(support over shot) over feature)";
const usual = lossOf("own(support: vector [way, shot]) -> loss { mean(support over all) }", "classify");

describe("a loss entry", () => {
  it("of one query is averaged over the queries, as the usual loss is", () => {
    const one = lossOf(`own(support: vector [way, shot], query: vector) -> loss {
      logsumexp(-squared_distance(query, mean(support over shot) over feature) over way)
    }`);
    const all = lossOf(`own(support: vector [way, shot], queries: vector [way, query]) -> loss {
      mean(logsumexp(${scored} over way) over row, query)
    }`);
    expect(one).toBeCloseTo(all, 10);
    expect(one).not.toBeCloseTo(0, 3);
  });

  it("may take the labels of its queries", () => {
    const own = lossOf(`own(support: vector [way, shot], queries: vector [way, query], y: class [way, query]) -> loss {
      mean(cross_entropy(${scored}, y[way as row]) over all)
    }`);
    expect(own).toBeCloseTo(usual, 10);
  });

  it("may take the labels of its supports", () => {
    const nearest = (labels: string): string =>
      `mean(cross_entropy(-squared_distance(support[way as row], mean(support over shot) over feature), ${labels}) over all)`;
    const given = lossOf(
      `own(support: vector [way, shot], y: class [way, shot]) -> loss { ${nearest("y[way as row]")} }`,
    );
    const told = lossOf(`own(support: vector [way, shot]) -> loss { ${nearest("label(way)[way as row]")} }`);
    expect(given).toBeCloseTo(told, 10);
  });
});
