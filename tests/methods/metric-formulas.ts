/** Metric-learning methods in plain loops, from their papers: scores of each query [query][way]. */
import { type Activations, batchNorm, conv, pool } from "../lower/formulas.js";
import type { Values } from "../lower/harness.js";
import { type Episode, supportsOf } from "./embedded.js";
import { get, inner, normalized, softmax, solved, sum, times } from "./learner.js";

type Rows = readonly (readonly number[])[];
/** `training`: batch norms of modules normalize by the batch. */
export type MetricFormula = (e: Episode, w: Values, training?: boolean) => number[][];

export const mean = (rows: Rows): number[] =>
  times(rows[0]?.length ?? 0, (d) => sum(rows.map((row) => get(row, d))) / rows.length);
export const squared = (a: readonly number[], b: readonly number[]): number =>
  sum(a.map((v, d) => (v - get(b, d)) ** 2));
export const cosine = (a: readonly number[], b: readonly number[]): number => {
  const size = Math.sqrt(inner(a, a) * inner(b, b));
  return size === 0 ? 0 : inner(a, b) / size;
};
export const minus = (a: readonly number[], b: readonly number[]): number[] => a.map((v, d) => v - get(b, d));
export const transposed = (m: Rows): number[][] => times(m[0]?.length ?? 0, (j) => m.map((row) => get(row, j)));
export const product = (a: Rows, b: Rows): number[][] =>
  a.map((row) => transposed(b).map((column) => inner(row, column)));

export const each = (
  e: Episode,
  score: (query: readonly number[], supports: Rows, way: number) => number,
): number[][] => e.queries.map((q) => times(e.way, (c) => score(q, supportsOf(e, c), c)));
const one = (w: Values, name: string): number => get(w[`metric.${name}`], 0);

/** Snell et al. 2017, eq. 2 with the squared Euclidean distance. */
export const prototypes: MetricFormula = (e) => each(e, (q, supports) => -squared(q, mean(supports)));

/** Chen et al. 2021, eq. 3: τ · cosine. */
export const cosinePrototypes: MetricFormula = (e, w) =>
  each(e, (q, supports) => Math.exp(one(w, "scale")) * cosine(q, mean(supports)));

export const nearestNeighbor: MetricFormula = (e) =>
  each(e, (q, supports) => -Math.min(...supports.map((s) => squared(q, s))));

/** Wang et al. 2019: CL2N with the mean of the base data, L2N without. */
export const simpleShot =
  (mu?: readonly number[]): MetricFormula =>
  (e) =>
    each(e, (q, supports) => {
      const unit = (x: readonly number[]): number[] => normalized(mu === undefined ? x : minus(x, mu));
      return -squared(unit(q), mean(supports.map(unit)));
    });

/** Vinyals et al. 2016, eq. 1: the log of Σ a(q, x_i) y_i. */
export const matching =
  (scale: number): MetricFormula =>
  (e) =>
    e.queries.map((q) => {
      const attention = softmax(e.support.map((s) => scale * cosine(q, s)));
      return times(e.way, (c) => sum(attention.slice(c * e.shot, (c + 1) * e.shot)));
    });

/** Local descriptors [patch][channel] of a map [channel, height, width]. */
export const descriptors = (map: readonly number[], channels: number): number[][] => {
  const patches = map.length / channels;
  return times(patches, (p) => times(channels, (c) => get(map, c * patches + p)));
};

/** Li et al. 2019, eq. 3. */
export const dn4 =
  (channels: number, k: number): MetricFormula =>
  (e) =>
    each(e, (q, supports) => {
      const bank = supports.flatMap((s) => descriptors(s, channels));
      return sum(
        descriptors(q, channels).flatMap((x) =>
          bank
            .map((s) => cosine(x, s))
            .sort((a, b) => b - a)
            .slice(0, k),
        ),
      );
    });

const linear = (w: Values, name: string, x: readonly number[]): number[] =>
  times(x.length, (o) => sum(x.map((v, d) => v * get(w[`metric.${name}.linear.0.weight`], o * x.length + d))));
/** Ye et al. 2020, eq. 7: each of a set becomes LN(x + b + W Σ softmax(q·k/√d) v). The bias b is that of the authors' code. */
export function adapted(set: Rows, w: Values, heads = 1): number[][] {
  return set.map((x) => {
    const d = x.length;
    const size = d / heads;
    // Each head has a run of features of its own.
    const mixed = times(heads, (head) => {
      const part = (name: string, of: readonly number[]): number[] =>
        linear(w, name, of).slice(head * size, (head + 1) * size);
      const attention = softmax(set.map((y) => inner(part("q", x), part("k", y)) / Math.sqrt(size)));
      const values = set.map((y) => part("v", y));
      return times(size, (i) => inner(attention, transposed(values)[i] ?? []));
    }).flat();
    const z = linear(w, "out", mixed).map((v, i) => v + get(w["metric.out.linear.0.bias"], i) + get(x, i));
    const centre = sum(z) / d;
    const deviation = Math.sqrt(sum(z.map((v) => (v - centre) ** 2)) / d + 1e-5);
    const norm = (part: string, i: number): number => get(w[`metric.norm.layer_norm.0.${part}`], i);
    return z.map((v, i) => ((v - centre) / deviation) * norm("weight", i) + norm("bias", i));
  });
}
/** Minus the squared distance of the paper, or the authors' other score: the inner product with the prototype at length 1. */
const featScore = (x: readonly number[], p: readonly number[], euclidean: boolean): number =>
  euclidean ? -squared(x, p) : inner(x, normalized(p));
export const feat =
  ({ temperature = 1, euclidean = true, heads = 1 } = {}): MetricFormula =>
  (e, w) => {
    const centres = adapted(
      times(e.way, (c) => mean(supportsOf(e, c))),
      w,
      heads,
    );
    return e.queries.map((q) => centres.map((p) => featScore(q, p, euclidean) / temperature));
  };
/** Eq. 8's regularizer: every image of the episode against the mean of its class's adapted images. */
export function featContrast(e: Episode, w: Values, { temperature = 1, euclidean = true } = {}): number {
  const sets = times(e.way, (c) => [...supportsOf(e, c), ...e.queries.slice(c * e.query, (c + 1) * e.query)]);
  const centres = sets.map((set) => mean(adapted(set, w)));
  const losses = sets.flatMap((set, c) =>
    set.map((x) => -Math.log(get(softmax(centres.map((p) => featScore(x, p, euclidean) / temperature)), c))),
  );
  return sum(losses) / losses.length;
}

/** Wertheimer et al. 2021, eq. 5 to 10, always with the d × d system. The authors divide by √d for ResNet12 only. */
export const frn =
  (channels: number, divisor = 1): MetricFormula =>
  (e, w) =>
    each(e, (q, supports) => {
      const scaled = (map: readonly number[]): number[][] =>
        descriptors(map, channels).map((x) => x.map((v) => v / divisor));
      const S = supports.flatMap(scaled);
      const Q = scaled(q);
      const lambda = (S.length / channels) * Math.exp(one(w, "alpha")) + 1e-6;
      const gram = product(transposed(S), S);
      const hat = solved(
        gram.map((row, i) => row.map((v, j) => v + (i === j ? lambda : 0))),
        gram,
      );
      const rebuilt = product(Q, hat).map((row) => row.map((v) => Math.exp(one(w, "beta")) * v));
      return (-one(w, "gamma") * sum(Q.map((x, p) => squared(x, rebuilt[p] ?? [])))) / Q.length;
    });
/** The sum over ordered pairs of classes of ‖S_i S_jᵀ‖². */
function frnPairs(S: readonly Rows[]): number {
  return sum(
    S.flatMap((a, i) =>
      S.flatMap((b, j) =>
        i === j
          ? []
          : product(a, transposed(b))
              .flat()
              .map((v) => v * v),
      ),
    ),
  );
}
/** Their auxiliary loss: row-normalized supports, as in the paper. */
export function frnOverlap(e: Episode, channels: number): number {
  return frnPairs(times(e.way, (c) => supportsOf(e, c).flatMap((s) => descriptors(s, channels).map(normalized))));
}
/** The same of their code: all supports divided by one norm, and each pair of classes once. */
export function frnOverlapOfCode(e: Episode, channels: number): number {
  const norm = Math.sqrt(sum(e.support.flat().map((v) => v * v)));
  const rows = (s: readonly number[]): number[][] =>
    descriptors(
      s.map((v) => v / norm),
      channels,
    );
  return frnPairs(times(e.way, (c) => supportsOf(e, c).flatMap(rows))) / 2;
}

/** Xie et al. 2022, eq. 4 and 5: distances between channels, centred doubly, of `factor` times the squared distances. */
function covariance(map: readonly number[], channels: number, factor: number): number[][] {
  const size = map.length / channels;
  const rows = times(channels, (c) => map.slice(c * size, (c + 1) * size));
  const a = rows.map((x) => rows.map((y) => Math.sqrt(factor * squared(x, y) + 1e-5)));
  const row = a.map((x) => sum(x) / channels);
  const all = sum(row) / channels;
  return a.map((x, i) => x.map((v, j) => v - get(row, i) - get(row, j) + all));
}
/**
 * Meta DeepBDC: an inner product for one support, minus a squared distance for more. The authors' code compares the upper
 * triangles with the diagonal, eq. 6 the whole matrices.
 */
export const deepBdc =
  (channels: number, { whole = false, perPlace = true } = {}): MetricFormula =>
  (e, w) =>
    each(e, (q, supports) => {
      const factor = Math.exp(one(w, "scale")) / (perPlace ? q.length / channels : 1);
      const matrix = (map: readonly number[]): number[] =>
        covariance(map, channels, factor).flatMap((row, i) => (whole ? row : row.slice(i)));
      const p = mean(supports.map(matrix));
      return e.shot === 1 ? inner(matrix(q), p) : -squared(matrix(q), p);
    });

/** A convolution without padding, from the padded one. */
function valid(x: Activations, weight: readonly number[], bias: readonly number[]): Activations {
  const y = conv(x, weight, bias);
  const [h, w] = [y.h - 2, y.w - 2];
  const place = (i: number): number => {
    const [plane, at] = [Math.floor(i / (h * w)), i % (h * w)];
    return plane * y.h * y.w + (Math.floor(at / w) + 1) * y.w + (at % w) + 1;
  };
  return { ...y, h, w, data: times(y.n * y.c * h * w, (i) => get(y.data, place(i))) };
}
/**
 * Sung et al. 2018: the module on [Σ supports; query] of every pair, all of them one batch. `hidden` values before the last.
 * Convolutions without padding, or for Omniglot with it.
 */
export const relation =
  (channels: number, hidden: number, padded = false): MetricFormula =>
  (e, w, training = false) => {
    const at = (path: string): number[] => w[`metric.compare.${path}`] ?? [];
    const side = Math.sqrt((e.queries[0]?.length ?? 0) / channels);
    const pairs = e.queries.flatMap((q) =>
      times(e.way, (c) => [...mean(supportsOf(e, c)).map((v) => v * e.shot), ...q]),
    );
    let x: Activations = { n: pairs.length, c: 2 * channels, h: side, w: side, data: pairs.flat() };
    for (const i of [0, 1]) {
      const z = (padded ? conv : valid)(x, at(`conv.${i}.weight`), at(`conv.${i}.bias`));
      const norm = (part: string): number[] => at(`batch_norm.${i}.${part}`);
      const given = { mean: norm("running_mean"), variance: norm("running_var") };
      const { mean: centre, variance } = training ? batchNorm(z, norm("weight"), norm("bias")) : given;
      const data = z.data.map((v, j) => {
        const c = Math.floor(j / (z.h * z.w)) % z.c;
        const xhat = (v - get(centre, c)) / Math.sqrt(get(variance, c) + 1e-5);
        return Math.max(0, xhat * get(norm("weight"), c) + get(norm("bias"), c));
      });
      x = pool({ ...z, data }).y;
    }
    const size = x.c * x.h * x.w;
    const score = (row: readonly number[]): number => {
      const h = times(hidden, (o) =>
        Math.max(0, get(at("linear.0.bias"), o) + sum(row.map((v, d) => v * get(at("linear.0.weight"), o * size + d)))),
      );
      return get(at("linear.1.bias"), 0) + inner(h, at("linear.1.weight"));
    };
    const flat = times(x.n, (n) => score(x.data.slice(n * size, (n + 1) * size)));
    return e.queries.map((_, q) => flat.slice(q * e.way, (q + 1) * e.way));
  };

/** Hou et al. 2019, eq. 1 to 5, for maps of `channels` channels, without the batch norm of the authors' code. */
export const can =
  (channels: number, temperature: number): MetricFormula =>
  (e, w) => {
    const at = (path: string): number[] => w[`metric.${path}`] ?? [];
    const layer = (name: string, v: readonly number[]): number[] =>
      at(`${name}.linear.0.bias`).map(
        (bias, o) => bias + inner(at(`${name}.linear.0.weight`).slice(o * v.length, (o + 1) * v.length), v),
      );
    /** The channels of each place. */
    const places = (x: readonly number[]): number[][] => {
      const count = x.length / channels;
      return times(count, (i) => times(channels, (c) => get(x, c * count + i)));
    };
    /** The weighted mean of the places of a map, of which `r` has a row of cosines each. */
    const attended = (x: Rows, r: Rows): number[] => {
      const kernel = layer(
        "outer",
        layer("inner", mean(r)).map((v) => Math.max(0, v)),
      );
      const shares = softmax(r.map((row) => inner(row, kernel) / row.length / temperature));
      return mean(x.map((place, i) => place.map((v) => v * (1 + get(shares, i)))));
    };
    return each(e, (query, supports) => {
      const [p, q] = [places(mean(supports)), places(query)];
      const r = p.map((a) => q.map((b) => cosine(a, b)));
      return Math.exp(one(w, "scale")) * cosine(attended(q, transposed(r)), attended(p, r));
    });
  };
