/** Heads fitted to the supports of an episode, and the fine-tuning of every weight. */
import { describe, expect, it } from "vitest";
import { experimentOf as checkedExperiment, compileText } from "../check/helper.js";
import { fineTuned } from "./all-weights.js";
import { type Embedding, type Episode, episode, metricOf, scored } from "./embedded.js";
import { images, method, scores as scoresOf, supportLabels, supports } from "./episode.js";
import {
  crossEntropy,
  get,
  inner,
  linear,
  linearGradient,
  normalized,
  softmax,
  solved,
  sum,
  times,
} from "./learner.js";
import { mean } from "./metric-formulas.js";
import { expectScores } from "./update.js";

const vector: Embedding = { form: "vector", channels: 2, side: 2 };
const dim = 8;
const labelsOf = (e: Episode): number[] => e.support.map((_, i) => Math.floor(i / e.shot));

/** SGD with momentum and L2 decay, as PyTorch defines it. */
function descent(
  start: readonly number[],
  { rate, momentum, decay, steps }: { rate: number; momentum: number; decay: number; steps: number },
  slope: (x: readonly number[]) => readonly number[],
): number[] {
  let x = [...start];
  let velocity = x.map(() => 0);
  for (let k = 0; k < steps; k++) {
    const g = slope(x);
    velocity = velocity.map((v, i) => momentum * v + get(g, i) + decay * get(x, i));
    x = x.map((w, i) => w - rate * get(velocity, i));
  }
  return x;
}
const chen = { rate: 0.05, momentum: 0.9, decay: 1e-3 };

/** Chen et al. 2019, 3.2: a linear head on frozen features. */
function baseline(e: Episode, steps: number, settings = chen): number[][] {
  const head = (flat: readonly number[]) => ({ weight: flat.slice(0, e.way * dim), bias: flat.slice(e.way * dim) });
  const end = descent(new Array<number>(e.way * (dim + 1)).fill(0), { ...settings, steps }, (flat) => {
    const { gradient } = crossEntropy(linear(e.support, head(flat)), labelsOf(e));
    const { weight, bias } = linearGradient(e.support, head(flat), gradient);
    return [...weight, ...bias];
  });
  return linear(e.queries, head(end));
}

/**
 * Chen et al. 2019, 3.3: scaled cosines to a weight of each class, which starts at the class mean. In their code a factor of
 * each class is learned too.
 */
function baselinePlus(e: Episode, scale: number, steps: number, factors = false): number[][] {
  const start = times(e.way, (c) => normalized(mean(e.support.slice(c * e.shot, (c + 1) * e.shot))));
  const rows = (flat: readonly number[]): number[][] => times(e.way, (c) => flat.slice(c * dim, (c + 1) * dim));
  const factor = (flat: readonly number[], c: number): number => (factors ? get(flat, e.way * dim + c) : 1);
  const scores = (x: readonly (readonly number[])[], flat: readonly number[]): number[][] =>
    x.map((row) => rows(flat).map((own, c) => scale * factor(flat, c) * inner(normalized(row), normalized(own))));
  const end = descent([...start.flat(), ...(factors ? times(e.way, () => 1) : [])], { ...chen, steps }, (flat) => {
    const { gradient } = crossEntropy(scores(e.support, flat), labelsOf(e));
    const along = (c: number, slope: (x: readonly number[]) => number): number =>
      sum(e.support.map((row, n) => get(gradient[n], c) * scale * slope(normalized(row))));
    // d cos(x, w) / dw = (x̂ − cos · ŵ) / |w|
    const ofRows = rows(flat).flatMap((own, c) => {
      const [unit, length] = [normalized(own), Math.sqrt(inner(own, own))];
      return times(dim, (d) => (factor(flat, c) * along(c, (x) => get(x, d) - inner(x, unit) * get(unit, d))) / length);
    });
    const ofFactors = rows(flat).map((own, c) => along(c, (x) => inner(x, normalized(own))));
    return [...ofRows, ...(factors ? ofFactors : [])];
  });
  return scores(e.queries, end);
}

/** Tian et al. 2020: logistic regression with L2 on unit features, by Newton's method until nothing moves. */
function logisticRegression(e: Episode, C: number): number[][] {
  const x = e.support.map((row) => [...normalized(row), 1]);
  const labels = labelsOf(e);
  const width = dim + 1;
  const size = e.way * width;
  const penalty = (i: number): number => (i % width === dim ? 0 : 1);
  let w = new Array<number>(size).fill(0);
  const scores = (rows: readonly (readonly number[])[]): number[][] =>
    rows.map((row) => times(e.way, (c) => inner(row, w.slice(c * width, (c + 1) * width))));
  for (let step = 0; step < 60; step++) {
    const p = scores(x).map(softmax);
    const gradient = times(size, (i) => {
      const [c, d] = [Math.floor(i / width), i % width];
      return (
        penalty(i) * get(w, i) + C * sum(x.map((row, n) => (get(p[n], c) - (labels[n] === c ? 1 : 0)) * get(row, d)))
      );
    });
    const hessian = times(size, (i) =>
      times(size, (j) => {
        const [c, d, k, f] = [Math.floor(i / width), i % width, Math.floor(j / width), j % width];
        const curve = x.map((row, n) => get(p[n], c) * ((c === k ? 1 : 0) - get(p[n], k)) * get(row, d) * get(row, f));
        // The biases may move together: a trace of a penalty keeps that from being singular.
        return C * sum(curve) + (i === j ? penalty(i) + 1e-9 : 0);
      }),
    );
    const move = solved(
      hessian,
      gradient.map((g) => [g]),
    ).flat();
    w = w.map((v, i) => v - get(move, i));
    if (Math.max(...move.map(Math.abs)) < 1e-13) break;
  }
  return scores(e.queries.map((row) => [...normalized(row), 1]));
}

type Case = [
  name: string,
  from: string,
  metric: string,
  shot: number,
  within: number,
  formula: (e: Episode) => number[][],
];
const cases: Case[] = [
  ["Baseline, one shot", "finetuning", "baseline(rate: 0.05, steps: 12 steps)", 1, 1e-8, (e) => baseline(e, 12)],
  ["Baseline, a loop that is not written out", "finetuning", "baseline(rate: 0.05)", 3, 1e-8, (e) => baseline(e, 100)],
  [
    "Baseline with other settings",
    "finetuning",
    "baseline(rate: 0.05, steps: 12 steps, momentum: 0.5, weight_decay: 1e-2)",
    2,
    1e-8,
    (e) => baseline(e, 12, { rate: 0.05, momentum: 0.5, decay: 1e-2 }),
  ],
  [
    "Baseline++",
    "finetuning",
    "baseline_plus(scale: 4.0, rate: 0.05, steps: 20 steps)",
    2,
    1e-8,
    (e) => baselinePlus(e, 4, 20),
  ],
  [
    "Baseline++ with a factor of each class",
    "finetuning",
    "baseline_plus(scale: 2.0, rate: 0.05, steps: 20 steps, factors: true)",
    2,
    1e-8,
    (e) => baselinePlus(e, 2, 20, true),
  ],
  ["RFS, one shot", "metrics", "logistic_regression", 1, 1e-4, (e) => logisticRegression(e, 1)],
  [
    "RFS, three shots and less penalty",
    "metrics",
    "logistic_regression(C: 10.0)",
    3,
    1e-4,
    (e) => logisticRegression(e, 10),
  ],
];
describe("heads on features that stay", () => {
  it.each(cases)("%s", (_, from, metric, shot, within, formula) => {
    const e = episode({ way: 3, shot, query: 4 }, dim, 3);
    const stage = metricOf(from, metric, vector, e);
    expect(stage.metric.value.entries["classify"]?.transductive).toBe(false);
    const { scores } = scored(stage, vector, e);
    const expected = formula(e);
    expect(expected).toHaveLength(12);
    const size = Math.max(1, ...expected.flat().map(Math.abs));
    expected.forEach((row, q) =>
      row.forEach((value, c) => {
        expect(Math.abs(get(scores[q], c) - value), `query ${q}, way ${c}`).toBeLessThan(within * size);
      }),
    );
  });
});

describe("fine-tuning of every weight", () => {
  const loss = (scores: readonly (readonly number[])[]): number =>
    crossEntropy(scores.slice(0, supports), supportLabels).loss;
  it("moves encoder and head by the supports", () => {
    const m = method("finetuning", "fine_tuning(rate: 1e-2, steps: 3 steps)");
    const formula = { steps: 3, rate: () => 1e-2, loss };
    expectScores(scoresOf(m, images(4)), fineTuned(m.state, images(4), formula));
  });
  it("moves each layer at a rate of its own", () => {
    const m = method("finetuning", "discriminative_fine_tuning(rate: 2e-2, decay: 0.5, steps: 3 steps)");
    const rate = (path: string): number => (path.startsWith("encoder.") ? 2e-3 : 2e-2);
    expectScores(scoresOf(m, images(4)), fineTuned(m.state, images(4), { steps: 3, rate, loss }));
  });
});

describe("groups of a minimisation", () => {
  const experiment = (groups: string): string => `fsl 1
import { emoji } from "fsl:datasets"
backbone net { conv(3, 2), relu, conv(3, 2), relu, flatten as vector }
metric m {
  learn head = linear(way)
  classify(encoder, support: image [way, shot], query: image) -> logits [way] {
    minimize body from encoder, top from head by sgd(lr: 0.1) { ${groups} } for 2 steps {
      mean(cross_entropy(top(body(support[way'], norm: running).vector), label(way')) over all)
    }
    top(body(query, norm: running).vector)
  }
}
episode task = 3 way, 1 shot, 2 query
evaluate e { encoder untrained net  metric untrained m  episodes task from emoji.test, 10 episodes }
`;
  const codes = (groups: string): string[] => compileText(experiment(groups)).diagnostics.map(({ code }) => code);

  it("change rates, layer by layer, and leave what is frozen where it is", () => {
    const text = experiment(
      "body.conv.* lr: 0.02, lr_decay: 0.5; body.conv[0].bias frozen; top.**.bias weight_decay: 0.1",
    );
    const [stage] = checkedExperiment(text).stages;
    if (stage?.kind !== "evaluate") throw new Error("no evaluation");
    const statement = stage.metric.value.entries["classify"]?.body.statements.find(({ kind }) => kind === "minimize");
    const changes =
      statement?.kind === "minimize" ? statement.targets.map((t) => ("changes" in t ? t.changes : {})) : [];
    const [body = {}, top = {}] = changes;
    expect(Object.entries(body).map(([path, { frozen, share }]) => [path, frozen, share])).toEqual([
      ["conv.0.weight", false, 0.5],
      ["conv.0.bias", true, 0.5],
      ["conv.1.weight", false, 1],
      ["conv.1.bias", false, 1],
    ]);
    expect(Object.keys(top)).toEqual(["linear.0.bias"]);
    expect(top["linear.0.bias"]?.args["weight_decay"]).toBeDefined();
  });
  it.each([
    ["body.stage0 frozen", "FSL5014"],
    ["head.** lr: 0.2", "FSL5014"],
    ["body.conv[0] lr: 0.2; body.conv[0] lr: 0.3", "FSL5015"],
    ["body lr_decay: 0.5", "FSL5041"],
    ["body.conv.* lr_decay: 2.0", "FSL5008"],
    ["body momentum: 0.9", "FSL2014"],
  ])("%s: %s", (groups, code) => {
    expect(codes(groups)).toContain(code);
  });
});
