import fc from "fast-check";
import { expect, test } from "vitest";
import { heldOut, unionsOf } from "../../src/compiler/typed/splits.js";
import { holdOut } from "../../src/runtime/data/hold-out.js";
import { sampleWhole } from "../../src/runtime/data/sampler.js";
import { splitOf } from "./support.js";

const cases = fc.record({
  sizes: fc.array(fc.integer({ min: 3, max: 12 }), { minLength: 2, maxLength: 8 }),
  shot: fc.integer({ min: 0, max: 2 }),
  isWhole: fc.boolean(),
  index: fc.nat({ max: 1000 }),
});

test("an episode of all queries has each image of its classes once, as a support or as a query", () => {
  fc.assert(
    fc.property(cases, ({ sizes, shot, isWhole, index }) => {
      const split = splitOf(sizes);
      const way = isWhole ? sizes.length : 2;
      const query = Math.max(...sizes) - shot;
      const { classes, support, query: queries, counts } = sampleWhole(3, split, { way, shot, query }, index);
      if (isWhole) expect([...classes]).toEqual(sizes.map((_, c) => c));
      for (const [c, label] of classes.entries()) {
        const own = [...queries.subarray(c * query, c * query + (counts?.[c] ?? 0))];
        const images = [...support.subarray(c * shot, (c + 1) * shot), ...own].sort((a, b) => a - b);
        const first = split.offsets[label] ?? 0;
        expect(images).toEqual(Array.from({ length: sizes[label] ?? 0 }, (_, i) => first + i));
        // The repeated images behind them belong to the class too.
        const all = queries.subarray(c * query, (c + 1) * query);
        expect([...all].every((image) => own.includes(image))).toBe(true);
      }
    }),
    { numRuns: 60 },
  );
});

test("held-out images leave training, whatever else is there", () => {
  const image = (name: string) => ({ name, file: name });
  const classOf = (name: string, count: number) => ({
    name,
    images: Array.from({ length: count }, (_, i) => image(`${name}/${i}.png`)),
  });
  const listing = { train: [classOf("ant", 10), classOf("bee", 2), classOf("cat", 1)] };
  const { train = [], seen = [] } = holdOut(listing, 0.3);
  expect(train.map(({ images }) => images.length)).toEqual([7, 1, 1]);
  expect(seen.map(({ images }) => images.length)).toEqual([3, 1, 0]);
  for (const [c, { images }] of listing.train.entries()) {
    const both = [...(train[c]?.images ?? []), ...(seen[c]?.images ?? [])].map(({ name }) => name);
    expect(both.sort()).toEqual(images.map(({ name }) => name).sort());
  }
  // The choice within a class does not depend on other classes.
  const alone = holdOut({ train: [classOf("ant", 10)] }, 0.3);
  expect(alone.seen?.[0]?.images).toEqual(seen[0]?.images);
  expect(holdOut(listing, undefined)).toBe(listing);
  expect([1, 2, 3, 10, 100].map((images) => heldOut(images, 0.2))).toEqual([0, 1, 1, 2, 20]);
});

test("splits that follow each other have a union, but train and seen have the same classes", () => {
  expect(unionsOf(["train", "val", "test"]).map(([name]) => name)).toEqual(["train+val", "val+test"]);
  expect(unionsOf(["train", "seen", "test"]).map(([name]) => name)).toEqual(["seen+test"]);
});
