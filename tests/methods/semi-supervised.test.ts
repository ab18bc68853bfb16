/** Methods that see images without labels: against the formulas of their paper (Ren et al. 2018, equations 3 to 6). */
import { expect, it } from "vitest";
import { type Embedding, type Episode, episode, metricOf, scored, supportsOf } from "./embedded.js";
import { get, sum, times } from "./learner.js";

const vector: Embedding = { form: "vector", channels: 2, side: 2 };
const squared = (a: readonly number[], b: readonly number[]): number => sum(a.map((v, i) => (v - get(b, i)) ** 2));
const mean = (rows: readonly (readonly number[])[]): number[] =>
  times(rows[0]?.length ?? 0, (i) => sum(rows.map((row) => get(row, i))) / rows.length);

/** The prototypes after one step. `radius` is that of the cluster of other classes, at the origin, if there is one. */
function refined(e: Episode, prototypes: readonly number[][], radius?: number): number[][] {
  const shares = (e.more ?? []).map((x) => {
    const near = prototypes.map((p) => Math.exp(-squared(x, p)));
    const other =
      radius === undefined
        ? 0
        : Math.exp(
            -squared(
              x,
              x.map(() => 0),
            ) /
              radius ** 2 -
              Math.log(radius),
          );
    return near.map((value) => value / (sum(near) + other));
  });
  return prototypes.map((_, c) => {
    const supports = supportsOf(e, c);
    const weight = supports.length + sum(shares.map((share) => get(share, c)));
    return times(supports[0]?.length ?? 0, (i) => {
      const unlabeled = (e.more ?? []).map((x, j) => get(shares[j], c) * get(x, i));
      return (sum(supports.map((row) => get(row, i))) + sum(unlabeled)) / weight;
    });
  });
}

it.each([
  ["soft_k_means", 1, undefined],
  ["soft_k_means(rounds: 3)", 3, undefined],
  ["soft_k_means_cluster", 1, "learned"],
] as const)("%s", (metric, rounds, radius) => {
  const e = episode({ way: 3, shot: 2, query: 2, unlabeled: 3, distractor: 2 }, 8, 3);
  expect(e.more).toHaveLength(15);
  const { scores, weights } = scored(metricOf("metrics", metric, vector, e), vector, e);
  const r = radius === undefined ? undefined : Math.exp(get(weights["metric.radius"], 0));
  let p = times(3, (c) => mean(supportsOf(e, c)));
  for (let round = 0; round < rounds; round++) p = refined(e, p, r);
  const expected = e.queries.map((q) => p.map((one) => -squared(q, one)));
  for (const [q, row] of expected.entries())
    for (const [c, value] of row.entries())
      expect(Math.abs(get(scores[q], c) - value)).toBeLessThan(1e-6 * (1 + Math.abs(value)));
});
