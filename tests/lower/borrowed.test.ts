/** Networks of finished stages that a metric calls, and encoders that a metric enters at a layer, against their formulas. */
import { describe, expect, it } from "vitest";
import { initialWeights, lowerEpisodes, lowerTraining } from "../../src/compiler/lower/index.js";
import { stageGraph, stageKey } from "../../src/compiler/stages/index.js";
import type { Experiment, StageKind, StageOf } from "../../src/compiler/typed/tree.js";
import { encoderWeights, scoringWeights } from "../../src/compiler/typed/weights.js";
import { digests } from "./fixtures.js";
import { experimentOf } from "./fsl.js";
import { initialState, run, step, stream, type Values } from "./harness.js";

const side = 3;
const pixels = side * side * 3;
const text = (entries: string, loss = ""): string => `fsl 1
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train resize(${side}), center_crop(${side}), normalize(mean: [0.5], std: [0.25])
  eval  resize(${side}), center_crop(${side}), normalize(mean: [0.5], std: [0.25])
}
backbone tiny { flatten, linear(3) as early, tanh, linear(2) as vector }
episode task = 2 way, 1 shot, 2 query
pretrain base {
  data d.train  encoder tiny  head cosine_linear(class)
  optimizer sgd(lr: 0.1)
  for 2 epochs, 8 images per step, drop last
}
metric own(net: encoder) {
  learn scale = 2.0
  ${entries}
}
meta m {
  encoder tiny  metric own(net: base.encoder)  episodes task from d.train
  optimizer sgd(lr: 0.1)
  for 1 epoch of 4 episodes, 2 episodes per step
  ${loss}
}
evaluate e { of m  episodes task from d.test, 4 episodes  report accuracy, logits }
`;
const scoring = `classify(encoder, support: image [way, shot], query: image) -> logits [way] {
    let W = split(weights(base.head as w), w as [class, feature])
    let theirs = mean(net(support).vector over shot)
    let inner = 0.5 * encoder(query, norm: running).early
    let entered = encoder(inner, at: early, norm: running).vector
    let known = base.encoder(base.encoder(query).early, at: early).vector
    -scale * squared_distance(entered, theirs over feature) + mean(base(query) * base.head(known) over class)
      + mean(dot(W, known over feature) over class)
  }`;
const teaching = `taught(support: image [way, shot], queries: vector [way, query]) -> loss {
    mean(base(support) over all) + 0 * mean(queries over all)
  }`;

const stageOf = <K extends StageKind>({ stages }: Experiment, kind: K): StageOf<K> => {
  const found = stages.find((stage) => stage.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found as StageOf<K>;
};
const get = (values: readonly number[] | undefined, at: number): number => values?.[at] ?? Number.NaN;
const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * get(b, i), 0);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The rows of a matrix of weights. */
const rows = (w: Values, path: string, width: number): number[][] =>
  times((w[path]?.length ?? 0) / width, (r) => (w[path] ?? []).slice(r * width, (r + 1) * width));
const linear = (w: Values, path: string, x: readonly number[]): number[] =>
  rows(w, `${path}.weight`, x.length).map((row, o) => dot(row, x) + get(w[`${path}.bias`], o));
const first = (w: Values, encoder: string, x: readonly number[]): number[] => linear(w, `${encoder}.linear.0`, x);
const rest = (w: Values, encoder: string, h: readonly number[]): number[] =>
  linear(w, `${encoder}.linear.1`, h.map(Math.tanh));
const unit = (x: readonly number[]): number[] => x.map((v) => v / Math.sqrt(dot(x, x)));
const head = (w: Values, x: readonly number[]): number[] =>
  rows(w, "stage:base:head.cosine_linear.0.weight", 2).map((row) => 10 * dot(unit(row), unit(x)));

describe("networks of finished stages in a metric", () => {
  const experiment = experimentOf(text(scoring));
  const evaluate = stageOf(experiment, "evaluate");
  const [row] = evaluate.rows;
  const { d } = experiment.datasets;
  if (row === undefined || d === undefined) throw new Error("a row and a dataset");
  const encoder = evaluate.encoder.value;
  const decls = [...encoderWeights(evaluate.encoder), ...scoringWeights(evaluate.metric, encoder)];
  const random = stream(3);
  const weights: Values = Object.fromEntries(
    decls.map(({ path, shape }) => [
      path,
      times(
        shape.reduce((a, b) => a * b, 1),
        () => random() - 0.5,
      ),
    ]),
  );
  const perEpisode = 6;
  const images = times(2 * perEpisode * pixels, () => Math.floor(random() * 256));
  const image = (episode: number, at: number): number[] =>
    images
      .slice((episode * perEpisode + at) * pixels, (episode * perEpisode + at + 1) * pixels)
      .map((v) => (v / 255 - 0.5) / 0.25);
  const lowered = (episodes: number) =>
    lowerEpisodes(row.metric, row.task, encoder, d, { episodes, report: evaluate.report });
  const both = run(lowered(2), { ...weights, images });

  it("are their encoders, heads and weights, entered at a layer or not", () => {
    const theirs = "stage:base:encoder";
    for (const episode of [0, 1])
      for (const q of times(4, (i) => i))
        for (const way of [0, 1]) {
          const x = image(episode, 2 + q);
          const prototype = rest(weights, theirs, first(weights, theirs, image(episode, way)));
          const entered = rest(
            weights,
            "encoder",
            first(weights, "encoder", x).map((v) => v / 2),
          );
          const known = rest(weights, theirs, first(weights, theirs, x));
          const far = dot(
            entered.map((v, i) => v - get(prototype, i)),
            entered.map((v, i) => v - get(prototype, i)),
          );
          const logits = head(weights, known);
          const W = rows(weights, "stage:base:head.cosine_linear.0.weight", 2);
          const expected =
            -get(weights["metric.scale"], 0) * far + mean(logits.map((z) => z * z)) + mean(W.map((r) => dot(r, known)));
          expect(get(both["logits"], (episode * 4 + q) * 2 + way)).toBeCloseTo(expected, 9);
        }
  });

  it("give an episode alone the scores that it has beside others", () => {
    const alone = run(lowered(1), { ...weights, images: images.slice(perEpisode * pixels) });
    alone["logits"]?.forEach((value, i) => expect(value).toBeCloseTo(get(both["logits"], 8 + i), 12));
  });

  it("come before the stage, and decide its key", () => {
    expect(stageGraph(experiment, ["e"]).nodes.map(({ id }) => id)).toEqual(["data:d", "base", "m", "e"]);
    const key = (base: string) =>
      stageKey(evaluate, experiment, { seed: 0, outputs: { base, m: "M" }, data: { d: digests("D") } });
    expect(key("A")).toMatch(/^[0-9a-f]{64}$/);
    expect(key("A")).not.toBe(key("B"));
  });

  it("are trained through, and never trained", () => {
    const training = lowerTraining(stageOf(experiment, "meta"), d, { seed: 0 });
    expect(training.trained.some((path) => path.startsWith("stage:"))).toBe(false);
    expect(training.own.some((path) => path.startsWith("stage:"))).toBe(false);
    const fresh = initialWeights(training.weights, 0);
    const state = {
      ...weights,
      ...initialState(training),
      ...Object.fromEntries(Object.entries(weights).filter(([path]) => !(path in fresh))),
    };
    const after = step(training, state, { images });
    expect(after.state["encoder.linear.0.weight"]).not.toEqual(state["encoder.linear.0.weight"]);
    for (const [path, values] of Object.entries(state))
      if (path.startsWith("stage:")) expect(after.state[path]).toEqual(values);
  });
});

describe("a teacher in a loss entry", () => {
  const entry =
    "classify(support: vector [way, shot], query: vector) -> logits [way] {\n" +
    "    -scale * squared_distance(query, mean(support over shot) over feature)\n  }";

  it("is needed by the training whose loss reads the entry, and by no other stage", () => {
    const taught = experimentOf(text(`${entry}\n  ${teaching}`, "loss classify + 0.1 * taught"));
    expect(stageOf(taught, "meta").needs).toEqual(["base"]);
    expect(stageOf(taught, "evaluate").needs).toEqual(["m"]);
    const untaught = experimentOf(text(`${entry}\n  ${teaching}`));
    expect(stageOf(untaught, "meta").needs).toEqual([]);
  });
});
