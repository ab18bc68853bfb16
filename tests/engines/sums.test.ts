/** Tests the division of long sums into stages, with no engine. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type SumStage, sumStages } from "../../src/runtime/engines/sums.js";

const limits = { last: 32, other: 16 };
const sizes = fc.array(fc.integer({ min: 1, max: 24 }), { minLength: 1, maxLength: 4 });
const reduction = sizes.chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axes: fc.subarray(
      shape.map((_, axis) => axis),
      { minLength: 1 },
    ),
  }),
);
const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

/** Returns what is left of a tensor, in row order, after the stages. */
function summed(values: readonly number[], stages: readonly SumStage[]): number[] {
  return stages.reduce<number[]>(
    (held, { padding, shape: [before = 1, length = 1, after = 1] }) => {
      const filled = padding === undefined ? held : withZeros(held, padding.of, padding.zeros);
      return Array.from({ length: before * after }, (_, place) => {
        const [outer, inner] = [Math.floor(place / after), place % after];
        const terms = Array.from({ length }, (_term, i) => filled[(outer * length + i) * after + inner] ?? Number.NaN);
        return terms.reduce((a, b) => a + b, 0);
      });
    },
    [...values],
  );
}

function withZeros(values: readonly number[], [before = 1, length = 1, after = 1]: readonly number[], zeros: number) {
  return Array.from({ length: before }, (_, outer) => [
    ...values.slice(outer * length * after, (outer + 1) * length * after),
    ...new Array<number>(zeros * after).fill(0),
  ]).flat();
}

/** Returns the sums over the axes by their definition. */
function wanted(values: readonly number[], shape: readonly number[], axes: readonly number[]): number[] {
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const sums = new Array<number>(product(kept.map((axis) => shape[axis] ?? 1))).fill(0);
  values.forEach((value, place) => {
    const index = shape.map((size, axis) => Math.floor(place / product(shape.slice(axis + 1))) % size);
    const to = kept.reduce((at, axis) => at * (shape[axis] ?? 1) + (index[axis] ?? 0), 0);
    sums[to] = (sums[to] ?? 0) + value;
  });
  return sums;
}

test("a short sum is one op", () => {
  expect(sumStages([4, 5, 3], [0, 2], limits)).toEqual([]);
});

test("the places of each channel are summed before the images", () => {
  expect(sumStages([10, 3, 4, 7], [0, 2, 3], limits)).toEqual([{ shape: [30, 28] }, { shape: [1, 10, 3] }]);
});

test("a long axis is divided at a divisor near its root, and padded if there is none", () => {
  expect(sumStages([100, 2], [0], limits)).toEqual([{ shape: [10, 10, 2] }, { shape: [1, 10, 2] }]);
  expect(sumStages([37], [0], { last: 16, other: 16 })).toEqual([
    { padding: { of: [1, 37], zeros: 5 }, shape: [7, 6] },
    { shape: [1, 7] },
  ]);
});

test("the stages give the sums, with no stage above the limits and no last axis of one element", () => {
  fc.assert(
    fc.property(reduction, ({ shape, axes }) => {
      const values = Array.from({ length: product(shape) }, (_, place) => (place % 17) + 1);
      const stages = sumStages(shape, axes, limits);
      if (stages.length === 0) {
        expect(product(axes.map((axis) => shape[axis] ?? 1))).toBeLessThanOrEqual(limits.other);
        return;
      }
      expect(summed(values, stages)).toEqual(wanted(values, shape, axes));
      for (const { shape: blocks } of stages) {
        expect(blocks[1]).toBeLessThanOrEqual(blocks.length === 2 ? limits.last : limits.other);
        if (blocks.length === 3) expect(blocks[2]).toBeGreaterThan(1);
      }
    }),
    { numRuns: 60, seed: 5 },
  );
});
