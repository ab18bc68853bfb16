/** What a method sees beside its supports: queries together, in a shuffled order, and values fitted from base data. */
import { describe, expect, it } from "vitest";
import { fitInput, lowerClassify, lowerFits, lowerTraining, orderFeed } from "../../src/compiler/lower/index.js";
import { verify } from "../../src/compiler/tensor/verify.js";
import type { EvaluateStage, Experiment, MetaStage } from "../../src/compiler/typed/tree.js";
import { block, expr } from "./fixtures.js";
import { experimentOf } from "./fsl.js";
import { initialState, run, step, stream, type Values } from "./harness.js";

const experiment = (metric: string, fit = ""): Experiment =>
  experimentOf(`fsl 1
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train resize(12), center_crop(10), normalize(mean: [0.5], std: [0.25])
  eval  resize(12), center_crop(10), normalize(mean: [0.5], std: [0.25])
}
backbone tiny { conv(3, 2, stride: 2), batch_norm, relu as map, flatten as vector }
episode task = 3 way, 2 shot, 2 query
${metric}
meta m {
  encoder tiny  metric own  episodes task from d.train  ${fit}
  optimizer sgd(lr: 1.0)
  for 1 epoch of 4 episodes, 2 episodes per step
}
evaluate e { of m  episodes task from d.test, 10 episodes  ${fit}  report accuracy, logits }
`);
const stages = ({ stages: all }: Experiment): { meta: MetaStage; evaluate: EvaluateStage } => {
  const [meta, evaluate] = [all.find(({ kind }) => kind === "meta"), all.find(({ kind }) => kind === "evaluate")];
  if (meta?.kind !== "meta" || evaluate?.kind !== "evaluate") throw new Error("two stages");
  return { meta, evaluate };
};
const entryLoss = (entry: string) => block(expr({ k: "entry_loss", entry }, []));
const noise = (count: number, seed: number): number[] => {
  const random = stream(seed);
  return Array.from({ length: count }, random);
};

describe("queries that are met together", () => {
  const shared = `metric own {
  classify(support: vector [way, shot], queries: vector [n]) transductive -> logits [n, way] {
    let shift = mean(queries over n) - mean(support over way, shot)
    -squared_distance(queries - shift, mean(support over shot) over feature)
  }
  spread(support: vector [way, shot], queries: vector [way, query]) -> loss {
    mean(squared_distance(queries, mean(support over shot) over feature) over all)
  }
}`;
  const { meta, evaluate } = stages(experiment(shared));
  const [row] = evaluate.rows;
  if (row === undefined) throw new Error("one row");

  it("come in the order of the feed, and their scores go back to their rows", () => {
    const program = lowerClassify(row.metric, row.task, evaluate.encoder.value, {
      episodes: 2,
      report: evaluate.report,
    });
    for (const segment of program.segments) verify(segment.program);
    const feeds: Values = {};
    for (const { name, node } of program.inputs)
      if (name !== orderFeed)
        feeds[name] = noise(
          node.shape.reduce((a, b) => a * b, 1),
          name.length,
        );
    const scored = (order: readonly number[]): number[] => run(program, { ...feeds, order: [...order] }).logits ?? [];
    const plain = scored([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]);
    const shuffled = scored([3, 0, 5, 1, 4, 2, 1, 2, 0, 5, 3, 4]);
    shuffled.forEach((value, i) => expect(value).toBeCloseTo(plain[i] ?? Number.NaN, 10));
    // What is met six times is scored six times, and what is not met is not scored.
    const once = scored([4, 4, 4, 4, 4, 4, 0, 1, 2, 3, 4, 5]);
    expect(once.slice(0, 12).every((value) => value === 0)).toBe(true);
    expect(once.slice(12, 15).every((value) => value < 0)).toBe(true);
    expect(once.slice(18)).toEqual(plain.slice(18));
  });

  it("are met so in training too, while loss entries know their labels", () => {
    const { d } = experiment(shared).datasets;
    if (d === undefined) throw new Error("a dataset");
    const images = noise(2 * 12 * 300, 3).map((v) => Math.floor(v * 256));
    const losses = ["classify", "spread"].map((line) => {
      const [stage] = experiment(shared).stages;
      if (stage?.kind !== "meta") throw new Error("a meta stage");
      const typed = line === "classify" ? stage : { ...stage, loss: entryLoss(line) };
      const training = lowerTraining(typed, d, { seed: 0 });
      const state = initialState(training, 2);
      const orders = [
        [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5],
        [3, 0, 5, 1, 4, 2, 1, 2, 0, 5, 3, 4],
      ];
      return orders.map((order) => step(training, state, { images, order }));
    });
    for (const [first, second] of losses) {
      expect(first?.host.loss?.[0]).toBeCloseTo(second?.host.loss?.[0] ?? Number.NaN, 8);
      for (const [path, values] of Object.entries(first?.state ?? {}))
        values.forEach((value, i) => expect(value, path).toBeCloseTo(second?.state[path]?.[i] ?? Number.NaN, 8));
    }
    expect(meta.metric.value.entries["classify"]?.transductive).toBe(true);
  });
});

describe("values fitted from base data", () => {
  const centred = `metric own {
  fit mu: vector from x: vector [item] { mean(x over item) }
  fit deviation: vector from x: vector [item] {
    let centre = mean(x over item)
    sqrt(sum((x - centre) * (x - centre) over item) / (size(item) - 1))
  }
  fit ratio: vector from x: vector [item] { mu / deviation }
  classify(support: vector [way, shot], query: vector) -> logits [way] {
    -squared_distance((query - mu) / (deviation + 1.0), (mean(support over shot) - mu) / (deviation + 1.0) over feature)
  }
}`;
  const typed = experiment(centred, "fit from d.train");
  const { meta, evaluate } = stages(typed);

  it("keep their split, and the number of its images", () => {
    for (const { fitFrom, blockers, metric } of [meta, evaluate]) {
      expect(fitFrom).toMatchObject({ dataset: "d", split: "train" });
      expect(blockers).toEqual([]);
      for (const fit of metric.value.fits)
        expect(fit.inputs[0]?.axes.find(({ name }) => name === "item")?.size).toBe(64 * 600);
    }
  });

  it("are what their bodies say of all items", () => {
    const items = 7;
    const small = JSON.parse(JSON.stringify(meta.metric.value).replaceAll("38400", "7").replaceAll("38399", "6"));
    const program = lowerFits(small, meta.encoder.value);
    const [feed] = program.inputs;
    const width = feed?.node.shape[1] ?? 0;
    const x = noise(items * width, 4);
    const out = run(program, { "embedded.vector": x });
    for (let f = 0; f < width; f++) {
      const column = Array.from({ length: items }, (_, i) => x[i * width + f] ?? 0);
      const mean = column.reduce((sum, v) => sum + v, 0) / items;
      const deviation = Math.sqrt(column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (items - 1));
      expect(out[fitInput("mu")]?.[f]).toBeCloseTo(mean, 12);
      expect(out[fitInput("deviation")]?.[f]).toBeCloseTo(deviation, 12);
      expect(out[fitInput("ratio")]?.[f]).toBeCloseTo(mean / deviation, 10);
    }
  });

  it("are inputs of classification and of training, that no step moves", () => {
    const [row] = evaluate.rows;
    const { d } = typed.datasets;
    if (row === undefined || d === undefined) throw new Error("a row and a dataset");
    const classify = lowerClassify(row.metric, row.task, evaluate.encoder.value, { episodes: 1, report: [] });
    const training = lowerTraining(meta, d, { seed: 0 });
    for (const program of [classify, training.program])
      expect(
        program.inputs.filter(({ name }) => name.startsWith("fit:")).map(({ name, role }) => [name, role]),
      ).toEqual([
        ["fit:mu", "weight"],
        ["fit:deviation", "weight"],
      ]);
    expect(training.weights.some(({ path }) => path.startsWith("fit:"))).toBe(false);
  });
});
