/** Fine-grained recognition: each method of fsl:fine-grained against its paper's formula, in plain f64 loops. */
import { expect, it } from "vitest";
import type { Values } from "../lower/harness.js";
import { type Embedding, episode, metricOf, scored } from "./embedded.js";
import { get, inner, normalized, softmax, sum, times } from "./learner.js";
import { descriptors, each, type MetricFormula, mean, minus, squared } from "./metric-formulas.js";

const channels = 2;
const small: Embedding = { form: "map", channels, side: 3 };
type Rows = readonly (readonly number[])[];

/** The products of each channel of `one` with each of `other`, the mean over the places. */
const products = (one: Rows, other: Rows = one): number[] =>
  times(channels ** 2, (i) => {
    const [a, b] = [Math.floor(i / channels), i % channels];
    return sum(one.map((x, p) => get(x, a) * get(other[p], b))) / one.length;
  });
/** The root of a matrix of two rows, by the formula with its determinant and trace. */
const rootOfTwo = ([a = 0, b = 0, c = 0, d = 0]: readonly number[]): number[] => {
  const s = Math.sqrt(Math.max(0, a * d - b * c));
  const t = Math.sqrt(a + d + 2 * s);
  return [(a + s) / t, b / t, c / t, (d + s) / t];
};
const signedUnit = (v: readonly number[]): number[] => normalized(v.map((x) => x / Math.sqrt(Math.abs(x) + 1e-8)));
/** Class means of pooled maps, with the learned scale. */
const pooled =
  (pool: (places: Rows, w: Values) => number[]): MetricFormula =>
  (e, w) =>
    each(e, (q, supports) => {
      const of = (map: readonly number[]): number[] => pool(descriptors(map, channels), w);
      const scale = Math.exp(get(w["metric.scale"], 0));
      return -scale * squared(of(q), mean(supports.map(of)));
    });

/** Wu et al. 2023: both maps rebuild each other by attention; each error is the mean over the places that are rebuilt. */
const biFrn: MetricFormula = (e, w) => {
  const weight = (name: string, i: number): number => get(w[`metric.${name}`], i);
  const mapped = (name: string, x: readonly number[]): number[] =>
    times(channels, (o) => sum(x.map((v, c) => v * weight(`${name}.linear.0.weight`, o * channels + c))));
  const error = (a: Rows, b: Rows): number =>
    sum(
      a.map((x) => {
        const shares = softmax(b.map((y) => inner(mapped("q", x), mapped("k", y)) / Math.sqrt(channels)));
        const rebuilt = times(channels, (c) => sum(b.map((y, j) => get(shares, j) * get(mapped("v", y), c))));
        return squared(mapped("v", x), rebuilt);
      }),
    ) / a.length;
  return each(e, (query, supports) => {
    const q = descriptors(query, channels);
    const s = supports.flatMap((map) => descriptors(map, channels));
    const both = weight("of_query", 0) * error(q, s) + weight("of_class", 0) * error(s, q);
    return -Math.exp(weight("scale", 0)) * both;
  });
};

it.each<[string, string, MetricFormula]>([
  ["bilinear pooling", "bilinear_prototypes", pooled((x) => signedUnit(products(x)))],
  [
    "alpha pooling",
    "alpha_prototypes(alpha_start: 1.5)",
    pooled((x, w) => {
      const alpha = Math.exp(get(w["metric.pooled.alpha_pooling.0.alpha"], 0));
      const long = (v: number): number => Math.abs(v) + 1e-6;
      return signedUnit(
        products(
          x.map((place) => place.map((v) => (v / long(v)) * long(v) ** (alpha - 1))),
          x,
        ),
      );
    }),
  ],
  [
    "the root of the covariance",
    "covariance_prototypes(rounds: 15)",
    pooled((x) => {
      const centre = mean(x);
      return rootOfTwo(products(x.map((place) => minus(place, centre))));
    }),
  ],
  ["Bi-FRN", "bi_frn", biFrn],
])("%s has the scores of its formula", (_, metric, formula) => {
  for (const shot of [1, 3]) {
    const e = episode({ way: 3, shot, query: 3 }, channels * small.side ** 2);
    const { scores, weights } = scored(metricOf("fine-grained", metric, small, e), small, e);
    const expected = formula(e, weights);
    expect(scores).toHaveLength(expected.length);
    expected.forEach((row, q) => {
      row.forEach((value, c) => {
        expect(Math.abs(get(scores[q], c) - value), `query ${q}, way ${c}`).toBeLessThan(
          1e-6 * Math.max(1, Math.abs(value)),
        );
      });
    });
  }
});
