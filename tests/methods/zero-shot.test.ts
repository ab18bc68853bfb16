/** Zero-shot learning: each method of fsl:zero-shot against its paper's formula, in plain f64 loops. */
import { describe, expect, it } from "vitest";
import { fitInput, lowerClassify, lowerFits, lowerTraining } from "../../src/compiler/lower/index.js";
import type { DatasetFacts, EvaluateStage, MetaStage } from "../../src/compiler/typed/tree.js";
import { experimentOf } from "../lower/fsl.js";
import { initialState, run, step, stream, type Values } from "../lower/harness.js";
import { get, inner, normalized, solved, sum, times } from "./learner.js";

const [classes, perClass, way, query, numbers] = [5, 4, 3, 2, 4];
const items = classes * perClass;
const features = 12;
const split = { classes, images: items, smallest: { name: "one", images: perClass } };
const facts: DatasetFacts = { splits: { train: split, val: split, test: split } };

function stagesOf(metric: string, lines = ""): { readonly meta: MetaStage; readonly evaluate: EvaluateStage } {
  const [name] = metric.split("(");
  const learned = name === "described" || name === "compatibility";
  const text = `fsl 1
import { ${name} } from "fsl:zero-shot"
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  describe word from "words.csv"
  train center_crop(2), normalize(mean: [0.5], std: [0.25])
  eval  center_crop(2), normalize(mean: [0.5], std: [0.25])
}
backbone raw { flatten as vector }
episode task = ${way} way, 0 shot, ${query} query
meta m { encoder raw  metric ${learned ? metric : "stand_in"}  episodes task from d.train  optimizer sgd(lr: 0.1)  for 3 steps  ${lines} }
metric stand_in { learn g = 1.0  classify(about: word [way], query: vector) -> logits [way] { g * sum(about over word) + mean(query over feature) } }
evaluate e { encoder raw  metric ${learned ? "untrained " : ""}${metric}  ${learned ? "" : "fit from d.train"}  episodes task from d.test, 10 episodes }
`;
  const { stages } = experimentOf(text, {}, { facts, described: numbers });
  const meta = stages.find((stage) => stage.kind === "meta");
  const evaluate = stages.find((stage) => stage.kind === "evaluate");
  if (meta?.kind !== "meta" || evaluate?.kind !== "evaluate") throw new Error("two stages");
  return { meta, evaluate };
}

const random = stream(3);
const matrix = (rows: number, columns: number): number[][] => times(rows, () => times(columns, () => random() * 2 - 1));
const x = matrix(items, features);
const labels = times(items, (i) => Math.floor(i / perClass));
const about = matrix(classes, numbers);
const ways = matrix(way, numbers);
const seen = [1, 0, 1];
const queries = matrix(way * query, features);
const base = { "embedded.vector": x.flat(), labels, "class.word": about.flat() };
const asked = { "way.word": ways.flat(), "way.seen": seen, "query.vector": queries.flat() };

const transposed = (m: readonly number[][]): number[][] => times(m[0]?.length ?? 0, (j) => m.map((row) => get(row, j)));
const product = (a: readonly number[][], b: readonly number[][]): number[][] => {
  const columns = transposed(b);
  return a.map((row) => columns.map((column) => inner(row, column)));
};
const ridged = (m: readonly number[][], by: number): number[][] =>
  m.map((row, i) => row.map((v, j) => v + (i === j ? by : 0)));

/** Fits the values of a metric, and returns them with the scores [query][way] that follow from them. */
function fitted(metric: string): { readonly values: Values; readonly scores: number[][] } {
  const { evaluate } = stagesOf(metric);
  const [row] = evaluate.rows;
  if (row === undefined) throw new Error("a row");
  const values = run(lowerFits(row.metric, evaluate.encoder.value), base);
  return { values, scores: scoresOf(evaluate, values) };
}

function scoresOf({ rows: [row], encoder }: EvaluateStage, given: Values): number[][] {
  if (row === undefined) throw new Error("a row");
  const program = lowerClassify(row.metric, row.task, encoder.value, { episodes: 1, report: [{ kind: "logits" }] });
  const { logits } = run(program, { ...given, ...asked });
  return times(way * query, (q) => times(way, (c) => get(logits, q * way + c)));
}

function expectRows(found: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  expect(found).toHaveLength(expected.length);
  expected.forEach((row, i) => {
    row.forEach((value, j) => {
      expect(Math.abs(get(found[i], j) - value), `row ${i}, ${j}`).toBeLessThan(1e-8 * Math.max(1, Math.abs(value)));
    });
  });
}

describe("ESZSL", () => {
  it("is its closed form, and calibration lowers what training has seen", () => {
    const { values, scores } = fitted("eszsl(gamma: 3.0, lambda: 0.5, calibration: 0.7)");
    const targets = labels.map((label) => times(classes, (c) => (c === label ? 1 : -1)));
    const xs = transposed(x);
    const left = solved(ridged(product(xs, x), 3), product(xs, product(targets, about)));
    const V = transposed(solved(ridged(product(transposed(about), about), 0.5), transposed(left)));
    const found = times(features, (f) => times(numbers, (a) => get(values[fitInput("V")], f * numbers + a)));
    expectRows(found, V);
    const expected = queries.map((q) => ways.map((a, c) => inner(product([q], V)[0] ?? [], a) - 0.7 * get(seen, c)));
    expectRows(scores, expected);
  });
});

describe("DAP", () => {
  it("is a logistic regression for each answer, and counts answers by how often they are given", () => {
    const { values, scores } = fitted("dap(yes: 0.1, C: 0.5)");
    const W = times(features, (f) => times(numbers, (a) => get(values[fitInput("W")], f * numbers + a)));
    const b = values[fitInput("b")] ?? [];
    const yes = about.map((row) => row.map((v) => (v > 0.1 ? 1 : 0)));
    const prior = times(numbers, (a) => sum(yes.map((row) => get(row, a))) / classes);
    expectRows([values[fitInput("prior")] ?? []], [prior]);
    const p = (v: readonly number[], a: number): number =>
      1 /
      (1 +
        Math.exp(
          -inner(
            v,
            W.map((row) => get(row, a)),
          ) - get(b, a),
        ));
    // At the minimum the derivative of the objective is zero.
    for (let a = 0; a < numbers; a++) {
      const wrong = x.map((v, i) => p(v, a) - get(yes[labels[i] ?? 0], a));
      expect(Math.abs(0.5 * sum(wrong))).toBeLessThan(5e-3);
      for (let f = 0; f < features; f++) {
        const slope =
          0.5 *
            inner(
              wrong,
              x.map((v) => get(v, f)),
            ) +
          get(W[f], a);
        expect(Math.abs(slope), `${f}, ${a}`).toBeLessThan(5e-3);
      }
    }
    const often = prior.map((v) => Math.min(Math.max(v, 1e-3), 1 - 1e-3));
    const expected = queries.map((q) =>
      ways.map((own) =>
        sum(
          own.map((v, a) =>
            v > 0.1 ? Math.log(p(q, a) / get(often, a)) : Math.log((1 - p(q, a)) / (1 - get(often, a))),
          ),
        ),
      ),
    );
    expectRows(scores, expected);
  });
});

describe("prototypes of descriptions", () => {
  it("are linear maps of descriptions at unit length", () => {
    const { evaluate, meta } = stagesOf("described");
    const weights = initialState(lowerTraining(meta, datasetOf("described"), { seed: 0 }));
    const scores = scoresOf(evaluate, weights);
    const linear = (name: string, v: readonly number[], width: number): number[] =>
      times(features, (o) => {
        const row = weights[`metric.${name}.linear.0.weight`]?.slice(o * width, (o + 1) * width) ?? [];
        return inner(row, v) + get(weights[`metric.${name}.linear.0.bias`], o);
      });
    const expected = queries.map((q) => {
      const z = linear("image", q, features);
      return ways.map((a) => -sum(normalized(linear("place", a, numbers)).map((v, f) => (v - get(z, f)) ** 2)));
    });
    expectRows(scores, expected);
  });
});

function datasetOf(metric: string) {
  const text = `fsl 1
import { folder } from "fsl:datasets"
import { ${metric} } from "fsl:zero-shot"
dataset d = folder(root: "d") {
  describe word from "words.csv"
  train center_crop(2), normalize(mean: [0.5], std: [0.25])
  eval  center_crop(2), normalize(mean: [0.5], std: [0.25])
}
backbone raw { flatten as vector }
episode task = ${way} way, 0 shot, ${query} query
evaluate e { encoder raw  metric untrained ${metric}  episodes task from d.test, 10 episodes }
`;
  const [dataset] = Object.values(experimentOf(text, {}, { facts, described: numbers }).datasets);
  if (dataset === undefined) throw new Error("a dataset");
  return dataset;
}

describe("compatibility", () => {
  const pixels = times(way * query * features, () => Math.floor(random() * 256));
  const embedded = times(way * query, (q) =>
    times(features, (f) => (get(pixels, q * features + f) / 255 - 0.5) / 0.25),
  );
  const scoresBy = (W: readonly number[], v: readonly number[], a: readonly number[]): number => {
    const [u, d] = [normalized(v), normalized(a)];
    return sum(u.map((value, f) => value * inner(W.slice(f * numbers, (f + 1) * numbers), d)));
  };
  const lossBy = (W: readonly number[], margin: number, isRanked: boolean): number =>
    sum(
      embedded.map((v, q) => {
        const label = Math.floor(q / query);
        const s = ways.map((a) => scoresBy(W, v, a));
        const gaps = s.map((value, c) => (c === label ? 0 : Math.max(0, margin + value - get(s, label))));
        const rank = gaps.filter((gap) => gap > 0).length;
        const weight = isRanked ? sum(times(rank, (r) => 1 / (r + 1))) / Math.max(rank, 1) : 1;
        return weight * sum(gaps);
      }),
    ) /
    (way * query);

  it.each([
    ["ranking", 1],
    ["hinge", 0.1],
  ] as const)("is trained by `%s`", (loss, margin) => {
    const { meta, evaluate } = stagesOf(`compatibility(margin: ${margin.toFixed(1)})`, `loss ${loss}`);
    const training = lowerTraining(meta, datasetOf("compatibility"), { seed: 0 });
    const state = initialState(training);
    const W = state["metric.W"] ?? [];
    const { host, state: after } = step(training, state, { images: pixels, "way.word": ways.flat(), "way.seen": seen });
    expect(get(host["loss"], 0)).toBeCloseTo(lossBy(W, margin, loss === "ranking"), 8);
    const h = 1e-6;
    for (const at of [0, 7, 30]) {
      const moved = (by: number): number =>
        lossBy(
          W.map((v, i) => (i === at ? v + by : v)),
          margin,
          loss === "ranking",
        );
      const slope = (moved(h) - moved(-h)) / (2 * h);
      expect(get(after["metric.W"], at)).toBeCloseTo(get(W, at) - 0.1 * slope, 6);
    }
    const expected = queries.map((q) => ways.map((a) => scoresBy(W, q, a)));
    expectRows(scoresOf(evaluate, state), expected);
  });
});
