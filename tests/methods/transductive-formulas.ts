/** Transductive methods in plain loops, from their papers: scores of each query [query][way]. */
import { type Episode, supportsOf } from "./embedded.js";
import { get, normalized, softmax, sum, times } from "./learner.js";
import { cosine, mean, minus, squared } from "./metric-formulas.js";

type Rows = readonly (readonly number[])[];
const plus = (a: readonly number[], b: readonly number[]): number[] => a.map((v, d) => v + get(b, d));
const scaled = (a: readonly number[], k: number): number[] => a.map((v) => v * k);
const total = (rows: Rows): number[] => scaled(mean(rows), rows.length);
const argmax = (row: readonly number[]): number => row.indexOf(Math.max(...row));
const column = (rows: Rows, c: number): number[] => rows.map((row) => get(row, c));
const entropy = (p: readonly number[]): number => -sum(p.map((v) => v * Math.log(Math.max(v, 1e-12))));
const unit = (e: Episode): Episode => ({
  ...e,
  support: e.support.map(normalized),
  queries: e.queries.map(normalized),
});
const prototypes = (e: Episode): number[][] => times(e.way, (c) => mean(supportsOf(e, c)));

/** Liu et al. 2020, eq. 1 to 6, and without the shift of eq. 1 for its ablation. */
export function bdCspn(given: Episode, epsilon: number, surest: number, shifted = true): number[][] {
  const e = unit(given);
  const shift = minus(mean(e.support), mean(e.queries));
  const queries = shifted ? e.queries.map((q) => plus(q, shift)) : e.queries;
  const p = prototypes(e);
  const near = (x: readonly number[]): number[] => p.map((w) => epsilon * cosine(x, w));
  const labelled = queries.map((q) => ({ q, way: argmax(near(q)), sureness: Math.max(...softmax(near(q))) }));
  const rectified = times(e.way, (c) => {
    const own = labelled.filter(({ way }) => way === c).sort((a, b) => b.sureness - a.sureness);
    const least = own[surest - 1]?.sureness ?? 0;
    const set = [...supportsOf(e, c), ...own.filter(({ sureness }) => sureness >= least).map(({ q }) => q)];
    const weights = softmax(set.map((x) => get(near(x), c)));
    return total(set.map((x, i) => scaled(x, get(weights, i))));
  });
  return queries.map((q) => rectified.map((w) => epsilon * cosine(q, w)));
}
/** The ablation of Liu et al. without rectification: cosines of shifted queries to the class means. */
export function bdCspnShifted(given: Episode, scale: number): number[][] {
  const e = unit(given);
  const shift = minus(mean(e.support), mean(e.queries));
  return e.queries.map((q) => prototypes(e).map((w) => scale * cosine(plus(q, shift), w)));
}
/** As easyfsl computes it: features with their lengths, weights exp(cos) of all queries, and queries classified as they are. */
export function bdCspnOfEasyfsl(e: Episode): number[][] {
  const shift = minus(mean(e.support), mean(e.queries));
  const p = prototypes(e);
  const images = [
    ...e.support.map((x, i) => ({ x, way: Math.floor(i / e.shot) })),
    ...e.queries.map((q) => plus(q, shift)).map((x) => ({ x, way: argmax(p.map((w) => cosine(x, w))) })),
  ];
  const rectified = p.map((w, c) => {
    const own = images.filter(({ way }) => way === c).map(({ x }) => ({ x, weight: Math.exp(cosine(x, w)) }));
    const all = sum(own.map(({ weight }) => weight));
    return total(own.map(({ x, weight }) => scaled(x, weight / all)));
  });
  return e.queries.map((q) => rectified.map((w) => cosine(q, w)));
}
/** As Veilleux et al. 2021 compute it: supports and queries join the class that they are nearest to, each times its share. */
export function bdCspnOfVeilleux(given: Episode): number[][] {
  const e = unit(given);
  const shift = minus(mean(e.support), mean(e.queries));
  const p = prototypes(e);
  const near = (x: readonly number[]): number[] => p.map((w) => cosine(x, w));
  const all = [...e.support, ...e.queries.map((q) => plus(q, shift))];
  const rectified = p.map((_, c) => {
    const own = all.filter((x) => argmax(near(x)) === c);
    return mean(own.map((x) => scaled(x, get(softmax(scaled(near(x), 10)), c))));
  });
  return e.queries.map((q) => rectified.map((w) => -squared(q, w)));
}

/** Ziko et al. 2020, eq. 10 and algorithm 1, on features that are normalized, and centred before by `mu`. */
export function laplacianShot(
  given: Episode,
  mu: readonly number[] | undefined,
  neighbors: number,
  lambda: number,
  rounds: number,
) {
  const centred = (rows: Rows): number[][] => rows.map((row) => normalized(mu ? minus(row, mu) : row));
  const e = { ...given, support: centred(given.support), queries: centred(given.queries) };
  const a = e.queries.map((q) => prototypes(e).map((m) => squared(q, m)));
  const linked = e.queries.map((q, i) => {
    const far = e.queries.map((other, j) => (i === j ? Number.POSITIVE_INFINITY : squared(q, other)));
    const least = get(
      far.toSorted((x, y) => x - y),
      neighbors - 1,
    );
    return far.map((d) => d <= least + 1e-12);
  });
  let y = a.map((row) => softmax(scaled(row, -1)));
  for (let round = 0; round < rounds; round++) {
    const before = y;
    y = a.map((row, i) => {
      const votes = total(before.map((own, j) => (linked[i]?.[j] ? own : scaled(own, 0))));
      return softmax(row.map((d, c) => -d + lambda * get(votes, c)));
    });
  }
  return y;
}

const tau = 15;
const near = (x: readonly number[], w: Rows): number[] => w.map((own) => (-tau / 2) * squared(x, own));
/** Boudiaf et al. 2020, eq. 3 with λ = α = 0.1: what TIM-GD minimizes. */
export function timLoss(e: Episode, w: Rows): number {
  const p = e.queries.map((q) => softmax(near(q, w)));
  const ce = e.support.map((s, i) => -Math.log(get(softmax(near(s, w)), Math.floor(i / e.shot))));
  return (0.1 * sum(ce)) / ce.length - (entropy(mean(p)) - (0.1 * sum(p.map(entropy))) / p.length);
}
/** The same with Adam's steps along slopes that are taken by central differences. */
export function timByGradient(given: Episode, rate: number, steps: number): number[][] {
  const e = unit(given);
  const dim = e.support[0]?.length ?? 0;
  const rows = (flat: readonly number[]): number[][] => times(e.way, (c) => flat.slice(c * dim, (c + 1) * dim));
  const loss = (flat: readonly number[]): number => timLoss(e, rows(flat));
  const w = adam(prototypes(e).flat(), rate, steps, (flat) =>
    flat.map((v, i) => (loss(flat.with(i, v + 1e-5)) - loss(flat.with(i, v - 1e-5))) / 2e-5),
  );
  return e.queries.map((q) => near(q, rows(w)));
}
/** Veilleux et al. 2021, equation 7: the supports' cross-entropy minus the mutual information of order α, by gradient descent. */
export function alphaTim(given: Episode, alpha: number, rate: number, steps: number): number[][] {
  const e = unit(given);
  const dim = e.support[0]?.length ?? 0;
  const rows = (flat: readonly number[]): number[][] => times(e.way, (c) => flat.slice(c * dim, (c + 1) * dim));
  const tsallis = (p: readonly number[]): number => (1 - sum(p.map((v) => v ** alpha))) / (alpha - 1);
  const loss = (flat: readonly number[]): number => {
    const w = rows(flat);
    const s = e.support.map((row, i) => -Math.log(get(softmax(near(row, w)), Math.floor(i / e.shot))));
    const p = e.queries.map((q) => softmax(near(q, w)));
    const whole = times(e.way, (c) => sum(p.map((row) => get(row, c))) / p.length);
    return sum(s) / s.length - tsallis(whole) + sum(p.map(tsallis)) / p.length;
  };
  const w = adam(prototypes(e).flat(), rate, steps, (flat) =>
    flat.map((v, i) => (loss(flat.with(i, v + 1e-5)) - loss(flat.with(i, v - 1e-5))) / 2e-5),
  );
  return e.queries.map((q) => near(q, rows(w)));
}
/** Kingma & Ba 2015, algorithm 1. */
export function adam(
  start: readonly number[],
  rate: number | readonly number[],
  steps: number,
  slope: (x: number[]) => number[],
): number[] {
  let x = [...start];
  let [m, v] = [x.map(() => 0), x.map(() => 0)];
  for (let t = 1; t <= steps; t++) {
    const g = slope(x);
    m = m.map((own, i) => 0.9 * own + 0.1 * get(g, i));
    v = v.map((own, i) => 0.999 * own + 0.001 * get(g, i) ** 2);
    x = x.map((own, i) => {
      const size = Math.sqrt(get(v, i) / (1 - 0.999 ** t)) + 1e-8;
      return own - ((typeof rate === "number" ? rate : get(rate, i)) * get(m, i)) / (1 - 0.9 ** t) / size;
    });
  }
  return x;
}
/** Propositions 1 and 2 of Boudiaf et al. 2020, with λ = α = 0.1. */
export function timByTurns(given: Episode, rounds: number): number[][] {
  const e = unit(given);
  const [supports, queries] = [e.support.length, e.queries.length];
  let w = prototypes(e);
  for (let round = 0; round < rounds; round++) {
    const before = w;
    const p = e.queries.map((q) => softmax(near(q, before)));
    const o = e.support.map((s) => softmax(near(s, before)));
    const shares = times(e.way, (c) => Math.sqrt(sum(column(p, c).map((v) => v ** 1.1))));
    const q = p.map((row) => {
      const fair = row.map((v, c) => v ** 1.1 / get(shares, c));
      return scaled(fair, 1 / sum(fair));
    });
    w = before.map((own, c) => {
      const pulled = (x: Rows, y: readonly number[], guess: readonly number[]): number[] =>
        total(x.map((row, i) => plus(scaled(row, get(y, i)), scaled(minus(own, row), get(guess, i)))));
      const labels = e.support.map((_, i) => (Math.floor(i / e.shot) === c ? 1 : 0));
      const [ofSupports, ofQueries] = [0.1 / 1.1, supports / queries];
      const numerator = plus(
        scaled(pulled(e.support, labels, column(o, c)), ofSupports),
        scaled(pulled(e.queries, column(q, c), column(p, c)), ofQueries),
      );
      return scaled(numerator, 1 / (ofSupports * sum(labels) + ofQueries * sum(column(q, c))));
    });
  }
  return e.queries.map((q) => near(q, w));
}

/** Rows of sum 1 and columns of equal sums, by turns: Cuturi 2013. */
function sinkhorn(cost: Rows, strength: number, rounds: number): number[][] {
  let plan = cost.map((row) => row.map((v) => Math.exp(-strength * v)));
  const each = cost.length / (cost[0]?.length ?? 1);
  for (let round = 0; round < rounds; round++) {
    plan = plan.map((row) => scaled(row, 1 / sum(row)));
    const sums = total(plan);
    plan = plan.map((row) => row.map((v, c) => (v * each) / get(sums, c)));
  }
  return plan;
}
/** Hu et al. 2021, section 3 and algorithm 1. */
export function ptMap(given: Episode, rate: number, rounds: number, scalings: number): number[][] {
  const power = (rows: Rows): number[][] =>
    rows.map((row) => normalized(row.map((v) => Math.sqrt(Math.max(v, 0) + 1e-6))));
  const centred = (rows: Rows): number[][] => rows.map((row) => normalized(minus(row, mean(rows))));
  const e = { ...given, support: centred(power(given.support)), queries: centred(power(given.queries)) };
  const plan = (w: Rows): number[][] =>
    sinkhorn(
      e.queries.map((q) => w.map((own) => squared(q, own))),
      10,
      scalings,
    );
  let w = prototypes(e);
  for (let round = 0; round < rounds; round++) {
    const p = plan(w);
    w = w.map((own, c) => {
      const sent = total(e.queries.map((q, i) => scaled(q, get(p[i], c))));
      const centre = scaled(plus(total(supportsOf(e, c)), sent), 1 / (e.shot + sum(column(p, c))));
      return plus(own, scaled(minus(centre, own), rate));
    });
  }
  return plan(w);
}
