/** Metric learning: each method of fsl:metrics against its paper's formula, at test and in one step of training. */
import { describe, expect, it } from "vitest";
import { fitInput, initialWeights } from "../../src/compiler/lower/index.js";
import { metricWeights } from "../../src/compiler/typed/weights.js";
import type { Values } from "../lower/harness.js";
import { type Embedding, type Episode, episode, metricOf, scored } from "./embedded.js";
import { type Images, images, method, task } from "./episode.js";
import { bodyPaths, features, get, sum } from "./learner.js";
import * as formulas from "./metric-formulas.js";
import { expectUpdate, queryLoss, split } from "./update.js";

const vector: Embedding = { form: "vector", channels: 2, side: 2 };
const small: Embedding = { form: "map", channels: 2, side: 3 };
const wide: Embedding = { form: "map", channels: 9, side: 2 };
const large: Embedding = { form: "map", channels: 2, side: 10 };
const padded: Embedding = { form: "map", channels: 2, side: 5 };

/** Of the base data. */
const mu = [0.3, 0.5, 0.4, 0.6, 0.2, 0.5, 0.4, 0.3];

type Case = [name: string, metric: string, embedding: Embedding, shot: number, formula: formulas.MetricFormula];
const cases: Case[] = [
  ["ProtoNet", "prototypes", vector, 2, formulas.prototypes],
  ["cosine prototypes", "cosine_prototypes(start: 4.0)", vector, 2, formulas.cosinePrototypes],
  ["SimpleShot", "simple_shot", vector, 2, formulas.simpleShot(mu)],
  ["SimpleShot without centering", "simple_shot(centered: false)", vector, 2, formulas.simpleShot()],
  ["nearest neighbour", "nearest_neighbor", vector, 3, formulas.nearestNeighbor],
  ["MatchingNet", "matching(scale: 5.0)", vector, 2, formulas.matching(5)],
  ["RelationNet", "relation(channels: 3, hidden: 4)", large, 2, formulas.relation(2, 4)],
  ["RelationNet for Omniglot", "relation(channels: 3, hidden: 4, pad: 1)", padded, 2, formulas.relation(2, 4, true)],
  ["DN4", "dn4", small, 2, formulas.dn4(2, 3)],
  ["CAN", "can(places: 9, hidden: 3, temperature: 0.5)", small, 2, formulas.can(2, 0.5)],
  ["FEAT", "feat", vector, 2, formulas.feat()],
  ["FEAT, at a temperature", "feat(temperature: 16.0)", vector, 1, formulas.feat({ temperature: 16 })],
  ["FEAT with four heads", "feat(heads: 4)", vector, 2, formulas.feat({ heads: 4 })],
  ["FEAT by inner products", "feat(euclidean: false)", vector, 2, formulas.feat({ euclidean: false })],
  ["FRN, fewer channels than descriptors", "frn", small, 2, formulas.frn(2)],
  ["FRN, more channels than descriptors", "frn", wide, 1, formulas.frn(9)],
  ["FRN for ResNet12", "frn(scaled: true)", wide, 2, formulas.frn(9, 3)],
  ["DeepBDC, one shot", "deep_bdc", small, 1, formulas.deepBdc(2)],
  ["DeepBDC, three shots", "deep_bdc", wide, 3, formulas.deepBdc(9)],
  ["DeepBDC of whole matrices, one shot", "deep_bdc(whole: true)", wide, 1, formulas.deepBdc(9, { whole: true })],
  ["DeepBDC of whole matrices, two shots", "deep_bdc(whole: true)", small, 2, formulas.deepBdc(2, { whole: true })],
  ["DeepBDC, its scale as it is", "deep_bdc(per_place: false)", wide, 2, formulas.deepBdc(9, { perPlace: false })],
];

describe("scores at test, with ties", () => {
  it.each(cases)("%s", (_, metric, embedding, shot, formula) => {
    const e = episode({ way: 3, shot, query: 3 }, embedding.channels * embedding.side ** 2);
    const stage = metricOf("metrics", metric, embedding, e);
    const { scores, predicted, weights } = scored(stage, embedding, e, { [fitInput("mu")]: mu });
    const expected = formula(e, weights);
    expect(expected).toHaveLength(9);
    expected.forEach((row, q) => {
      row.forEach((value, c) => {
        expect(Math.abs(get(scores[q], c) - value), `query ${q}, way ${c}`).toBeLessThan(
          1e-6 * Math.max(1, Math.abs(value)),
        );
      });
      const best = row.findIndex((value) => value > Math.max(...row) - 1e-9);
      const runnersUp = row.filter((value) => value > Math.max(...row) - 1e-6).length;
      if (runnersUp === 1) expect(predicted[q]).toBe(best);
    });
    // The first two queries are one image.
    expect(scores[0]).toEqual(scores[1]);
  });
});

const known = new WeakMap<Images, { by: unknown[]; episode: Episode }>();
/** An episode's images embedded together, as training does it; kept while only the metric's own weights change. */
function embedded(w: Values, images: Images): Episode {
  const by = bodyPaths.map((path) => w[path]);
  const last = known.get(images);
  if (last?.by.every((weight, i) => weight === by[i])) return last.episode;
  const { support, query } = split(features(images.all, w));
  const episode = { ...task, support, queries: query };
  known.set(images, { by, episode });
  return episode;
}

describe("one step of training", () => {
  const trained: [string, string, formulas.MetricFormula, string, number, ((e: Episode, w: Values) => number)?][] = [
    ["ProtoNet", "prototypes", formulas.prototypes, "", 6],
    ["cosine prototypes", "cosine_prototypes(start: 4.0)", formulas.cosinePrototypes, "", 6],
    ["nearest neighbour", "nearest_neighbor", formulas.nearestNeighbor, "", 6],
    [
      "MatchingNet",
      "matching(scale: 5.0)",
      (e) =>
        formulas
          .matching(5)(e, {})
          .map((row) => row.map(Math.log)),
      "",
      6,
    ],
    ["RelationNet", "relation(channels: 2, hidden: 3)", formulas.relation(2, 3), "", 20],
    ["DN4", "dn4", formulas.dn4(2, 3), "", 6],
    ["FEAT", "feat(drop: 0.0, attention_drop: 0.0)", formulas.feat(), "", 4],
    [
      "FEAT with its contrast",
      "feat(temperature: 2.0, drop: 0.0, attention_drop: 0.0)",
      formulas.feat({ temperature: 2 }),
      "loss classify + 0.1 * contrast",
      4,
      (e, w) => 0.1 * formulas.featContrast(e, w, { temperature: 2 }),
    ],
    [
      "FEAT by inner products, its contrast at another temperature",
      "feat(temperature: 2.0, contrast_temperature: 4.0, drop: 0.0, attention_drop: 0.0, euclidean: false)",
      formulas.feat({ temperature: 2, euclidean: false }),
      "loss classify + 0.1 * contrast",
      4,
      (e, w) => 0.1 * formulas.featContrast(e, w, { temperature: 4, euclidean: false }),
    ],
    ["FRN", "frn", formulas.frn(2), "", 6],
    [
      "FRN with its auxiliary loss",
      "frn",
      formulas.frn(2),
      "loss classify + 0.03 * overlap",
      6,
      (e) => 0.03 * formulas.frnOverlap(e, 2),
    ],
    [
      "FRN for ResNet12 with the auxiliary loss of its code",
      "frn(scaled: true, overlap_rows: false)",
      formulas.frn(2, Math.sqrt(2)),
      "loss classify + 0.03 * overlap",
      6,
      (e) => 0.03 * formulas.frnOverlapOfCode(e, 2),
    ],
    ["DeepBDC", "deep_bdc", formulas.deepBdc(2), "", 6],
    ["DeepBDC of whole matrices", "deep_bdc(whole: true)", formulas.deepBdc(2, { whole: true }), "", 6],
  ];
  it.each(trained)("%s", (_, metric, formula, line, side, extra) => {
    const step = [images(1, side), images(2, side)];
    const m = method("metrics", metric, "sgd(lr: 1.0)", line, side);
    expectUpdate(
      m,
      step,
      (w) => {
        const loss = queryLoss(w, step, (own, images) => formula(embedded(own, images), own, true));
        return extra !== undefined ? loss + sum(step.map((i) => extra(embedded(w, i), w))) / step.length : loss;
      },
      side > 6 ? 5 : 1,
    );
  });

  it("RelationNet by its own loss, the squared error of its sigmoid", () => {
    const step = [images(1, 20), images(2, 20)];
    const m = method("metrics", "relation(channels: 2, hidden: 3)", "sgd(lr: 1.0)", "loss regression", 20);
    expectUpdate(
      m,
      step,
      (w) => {
        const errors = step.flatMap((i) => {
          const rows = formulas.relation(2, 3)(embedded(w, i), w, true);
          return rows.flatMap((row, q) =>
            row.map((z, c) => (1 / (1 + Math.exp(-z)) - (c === Math.floor(q / task.query) ? 1 : 0)) ** 2),
          );
        });
        return sum(errors) / errors.length;
      },
      5,
    );
  });
});

describe("where learned numbers start", () => {
  const starts: [string, string, Embedding, Record<string, number>][] = [
    ["metrics", "cosine_prototypes", vector, { scale: Math.log(10) }],
    ["metrics", "cosine_prototypes(start: 4.0)", vector, { scale: Math.log(4) }],
    ["metrics", "frn", small, { alpha: 0, beta: 0, gamma: 1 }],
    [
      "metrics",
      "frn(alpha_start: -1.0, beta_start: 0.5, gamma_start: 20.0)",
      small,
      { alpha: -1, beta: 0.5, gamma: 20 },
    ],
    ["metrics", "deep_bdc", small, { scale: Math.log(0.5) }],
    ["metrics", "deep_bdc(start: 0.25)", small, { scale: Math.log(0.25) }],
    ["meta", "r2d2", vector, { lambda: Math.log(50), alpha: 1, beta: 0 }],
    [
      "meta",
      "r2d2(lambda_start: 1.0, alpha_start: 1e-4, beta_start: 0.1)",
      vector,
      { lambda: 0, alpha: 1e-4, beta: 0.1 },
    ],
    ["meta", "metaoptnet_ridge", vector, { scale: 1 }],
    ["meta", "metaoptnet_ridge(start: 2.0)", vector, { scale: 2 }],
  ];
  it.each(starts)("%s: %s", (from, metric, embedding, expected) => {
    const stage = metricOf(from, metric, embedding, { way: 2, shot: 1, query: 1 });
    const weights = initialWeights(metricWeights(stage.metric, stage.encoder.value), 0);
    const found = Object.fromEntries(Object.entries(weights).map(([path, { data }]) => [path, data[0]]));
    const near = Object.entries(expected).map(([name, v]) => [`metric.${name}`, expect.closeTo(v, 6)]);
    expect(found).toEqual(Object.fromEntries(near));
  });
});
