/** Transductive methods: each of fsl:transductive against its paper's formula. */
import { describe, expect, it } from "vitest";
import { fitInput } from "../../src/compiler/lower/index.js";
import { fineTuned } from "./all-weights.js";
import { type Embedding, type Episode, episode, metricOf, scored } from "./embedded.js";
import { images, method, scores as scoresOf, supportLabels, supports, task } from "./episode.js";
import * as graphs from "./graph-formulas.js";
import { crossEntropy, get, softmax, sum } from "./learner.js";
import * as formulas from "./transductive-formulas.js";
import { expectScores } from "./update.js";

const vector: Embedding = { form: "vector", channels: 2, side: 2 };
const dim = 8;
/** Of the base data. */
const mu = [0.3, 0.5, 0.4, 0.6, 0.2, 0.5, 0.4, 0.3];

type Case = [name: string, metric: string, shot: number, formula: (e: Episode) => number[][]];
const cases: Case[] = [
  ["BD-CSPN with every query", "bd_cspn", 2, (e) => formulas.bdCspn(e, 10, 8)],
  ["BD-CSPN with the surest two of a class", "bd_cspn(surest: 2)", 1, (e) => formulas.bdCspn(e, 10, 2)],
  ["BD-CSPN without the shift", "bd_cspn(shifted: false)", 2, (e) => formulas.bdCspn(e, 10, 8, false)],
  ["BD-CSPN without rectification", "bd_cspn(rectified: false)", 2, (e) => formulas.bdCspnShifted(e, 10)],
  [
    "BD-CSPN with another scale of scores",
    "bd_cspn(rectified: false, scale: 3.0)",
    1,
    (e) => formulas.bdCspnShifted(e, 3),
  ],
  [
    "BD-CSPN as in easyfsl",
    "bd_cspn(normalized: false, surest: 1000, epsilon: 1.0, shifted_scores: false)",
    2,
    (e) => formulas.bdCspnOfEasyfsl(e),
  ],
  [
    "BD-CSPN as in Veilleux et al.",
    "bd_cspn(by_shares: true, euclidean: true, surest: 1000, scale: 1.0, shifted_scores: false)",
    2,
    (e) => formulas.bdCspnOfVeilleux(e),
  ],
  ["LaplacianShot", "laplacian_shot(lambda: 0.7)", 1, (e) => formulas.laplacianShot(e, mu, 2, 0.7, 20)],
  [
    "LaplacianShot, four neighbours",
    "laplacian_shot(neighbors: 4, lambda: 0.3)",
    2,
    (e) => formulas.laplacianShot(e, mu, 4, 0.3, 20),
  ],
  [
    "LaplacianShot without centering",
    "laplacian_shot(lambda: 0.7, centered: false)",
    1,
    (e) => formulas.laplacianShot(e, undefined, 2, 0.7, 20),
  ],
  ["TIM by gradient descent", "tim(rate: 1e-2, steps: 6 steps)", 2, (e) => formulas.timByGradient(e, 1e-2, 6)],
  ["TIM by alternating closed forms", "tim_adm(rounds: 12)", 2, (e) => formulas.timByTurns(e, 12)],
  ["α-TIM", "alpha_tim(rate: 1e-2, steps: 6 steps)", 2, (e) => formulas.alphaTim(e, 2, 1e-2, 6)],
  ["α-TIM of order 5", "alpha_tim(alpha: 5.0, rate: 1e-2, steps: 4 steps)", 1, (e) => formulas.alphaTim(e, 5, 1e-2, 4)],
  ["PT-MAP, one shot", "pt_map(rounds: 6, scalings: 9)", 1, (e) => formulas.ptMap(e, 0.4, 6, 9)],
  ["PT-MAP, three shots", "pt_map(rate: 0.2, rounds: 4, scalings: 5)", 3, (e) => formulas.ptMap(e, 0.2, 4, 5)],
];

describe("scores, with ties", () => {
  it.each(cases)("%s", (_, metric, shot, formula) => {
    const e = episode({ way: 3, shot, query: 4 }, dim, 3);
    const stage = metricOf("transductive", metric, vector, e);
    expect(stage.metric.value.entries["classify"]?.transductive).toBe(true);
    const { scores, predicted } = scored(stage, vector, e, { [fitInput("mu")]: mu });
    const expected = formula(e);
    expect(expected).toHaveLength(12);
    expected.forEach((row, q) => {
      row.forEach((value, c) => {
        expect(Math.abs(get(scores[q], c) - value), `query ${q}, way ${c}`).toBeLessThan(
          1e-6 * Math.max(1, Math.abs(value)),
        );
      });
      const best = Math.max(...row);
      if (row.filter((value) => value > best - 1e-6).length === 1) expect(predicted[q]).toBe(row.indexOf(best));
    });
  });
});

describe("labels that spread along a graph", () => {
  const map: Embedding = { form: "map", channels: 2, side: 3 };
  it.each([
    ["all images are neighbors", 20, 1],
    ["three neighbors, ties among them", 3, 2],
  ])("TPN, %s", (_, neighbors, shot) => {
    const e = episode({ way: 3, shot, query: 2 }, 18, 5);
    const stage = metricOf("transductive", `tpn(neighbors: ${neighbors}, alpha: 0.8, channels: 3, hidden: 4)`, map, e);
    const { scores, weights } = scored(stage, map, e);
    graphs.tpn(e, weights, 2, neighbors, 0.8).forEach((row, q) => {
      row.forEach((value, c) => {
        expect(get(scores[q], c), `query ${q}, way ${c}`).toBeCloseTo(value, 8);
      });
    });
  });
});

/** Dhillon et al. 2020, eq. 8: the supports' cross-entropy and the queries' entropy. */
const dhillon = (scores: readonly (readonly number[])[]): number => {
  const surprise = scores.slice(supports).map((row) => sum(softmax(row).map((p) => -p * Math.log(p))));
  return crossEntropy(scores.slice(0, supports), supportLabels).loss + sum(surprise) / surprise.length;
};

it("transductive fine-tuning moves every weight by supports and queries", () => {
  const m = method("transductive", "transductive_fine_tuning(rate: 1e-2, steps: 3 steps)");
  const episode = images(4);
  const found = scoresOf(m, episode);
  expect(found).toHaveLength(task.way * task.query);
  expectScores(found, fineTuned(m.state, episode, { steps: 3, rate: () => 1e-2, loss: dhillon }));
});
