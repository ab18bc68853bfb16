import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Stream } from "../../src/common/random/stream.js";
import { allImages, type Episode } from "../../src/runtime/data/contract.js";
import { disjointEpisodes } from "../../src/runtime/data/disjoint-episodes.js";
import { kindOfStep, sampleEpisode, shuffledImages } from "../../src/runtime/data/sampler.js";
import { unevenCounts } from "../../src/runtime/data/uneven-queries.js";
import { chiSquareDeviate, failsWith, splitOf } from "./support.js";

/** A random dataset of uneven classes, a task that it can give, and where to look. */
const cases = fc
  .record({
    sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }),
    seed: fc.nat({ max: 2 ** 48 }),
    index: fc.nat({ max: 2 ** 40 }),
    purpose: fc.constantFrom("train", "validate", "evaluate"),
  })
  .chain(({ sizes, ...rest }) =>
    fc
      .record({
        way: fc.integer({ min: 1, max: sizes.length }),
        shot: fc.integer({ min: 1, max: Math.min(...sizes) }),
      })
      .chain(({ way, shot }) =>
        fc
          .integer({ min: 0, max: Math.min(...sizes) - shot })
          .map((query) => ({ ...rest, split: splitOf(sizes), task: { way, shot, query } })),
      ),
  );

const classOf = (offsets: Int32Array, image: number): number => offsets.findIndex((first) => first > image) - 1;

describe("an episode", () => {
  test("has distinct classes of the split, K supports and Q queries of each, all of that class, none twice", () => {
    fc.assert(
      fc.property(cases, ({ seed, purpose, split, task, index }) => {
        const { way, shot, query } = task;
        const episode = sampleEpisode(seed, purpose, split, task, index);
        expect(episode.classes).toHaveLength(way);
        expect(new Set(episode.classes).size).toBe(way);
        for (const label of episode.classes) expect(label).toSatisfy((c: number) => c >= 0 && c < split.classes.length);
        expect(episode.support).toHaveLength(way * shot);
        expect(episode.query).toHaveLength(way * query);
        const images = [...episode.support, ...episode.query];
        expect(new Set(images).size).toBe(images.length);
        for (const [i, image] of episode.support.entries()) {
          expect(classOf(split.offsets, image)).toBe(episode.classes[Math.floor(i / shot)]);
        }
        for (const [i, image] of episode.query.entries()) {
          expect(classOf(split.offsets, image)).toBe(episode.classes[Math.floor(i / query)]);
        }
      }),
    );
  });

  test("never has an image of another split", () => {
    fc.assert(
      fc.property(cases, ({ seed, purpose, split, task, index }) => {
        const images = split.offsets.at(-1) as number;
        const { support, query } = sampleEpisode(seed, purpose, split, task, index);
        for (const image of [...support, ...query]) expect(image).toSatisfy((i: number) => i >= 0 && i < images);
      }),
    );
  });

  test("depends on nothing that was drawn before it: any order, any worker, after any resume", () => {
    fc.assert(
      fc.property(cases, fc.array(cases, { maxLength: 5 }), (one, others) => {
        const draw = (c: typeof one): Episode => sampleEpisode(c.seed, c.purpose, c.split, c.task, c.index);
        const alone = draw(one);
        for (const other of others) draw(other);
        expect(draw({ ...one, split: splitOf(sizesOf(one.split.offsets)) })).toEqual(alone);
      }),
    );
  });

  test("is the same in shards as in one list", () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 7 }), ({ seed, purpose, split, task }, shards) => {
        const count = 23;
        const draw = (index: number): Episode => sampleEpisode(seed, purpose, split, task, index);
        const whole = Array.from({ length: count }, (_, index) => draw(index));
        const parts: Episode[][] = [];
        for (let shard = shards - 1; shard >= 0; shard--) {
          const first = Math.floor((count * shard) / shards);
          const end = Math.floor((count * (shard + 1)) / shards);
          parts.unshift(Array.from({ length: end - first }, (_, i) => draw(first + i)));
        }
        expect(parts.flat()).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  test("of one index has the same classes whatever the shots: tasks can be paired", () => {
    const split = splitOf(Array.from({ length: 30 }, () => 50));
    for (let index = 0; index < 20; index++) {
      const one = sampleEpisode(7, "evaluate", split, { way: 5, shot: 1, query: 15 }, index);
      const five = sampleEpisode(7, "evaluate", split, { way: 5, shot: 5, query: 15 }, index);
      expect(five.classes).toEqual(one.classes);
    }
  });

  test("is this one: a change of the sampler's numbers changes every result", () => {
    const split = splitOf([20, 30, 25, 40, 21, 33]);
    const episode = sampleEpisode(1, "evaluate", split, { way: 3, shot: 1, query: 2 }, 5);
    expect({
      classes: [...episode.classes],
      support: [...episode.support],
      query: [...episode.query],
    }).toMatchInlineSnapshot(`
      {
        "classes": [
          1,
          0,
          3,
        ],
        "query": [
          24,
          38,
          1,
          19,
          110,
          94,
        ],
        "support": [
          35,
          17,
          87,
        ],
      }
    `);
  });
});

describe("images without labels", () => {
  const more = fc
    .record({
      sizes: fc.array(fc.integer({ min: 4, max: 20 }), { minLength: 4, maxLength: 12 }),
      seed: fc.nat(),
      index: fc.nat({ max: 2 ** 40 }),
      way: fc.integer({ min: 1, max: 2 }),
      distractor: fc.integer({ min: 1, max: 2 }),
      unlabeled: fc.integer({ min: 1, max: 2 }),
    })
    .map(({ sizes, way, distractor, unlabeled, ...rest }) => ({
      ...rest,
      split: splitOf(sizes),
      task: { way, shot: 1, query: 1, unlabeled, distractor },
    }));

  test("are as many of each way and of each distractor class, all different, and leave supports and queries as they are", () => {
    fc.assert(
      fc.property(more, ({ seed, split, task, index }) => {
        const { way, unlabeled, distractor } = task;
        const episode = sampleEpisode(seed, "train", split, task, index);
        const { unlabeled: drawn = new Int32Array(0), ...labeled } = episode;
        expect(labeled).toEqual(sampleEpisode(seed, "train", split, { way, shot: 1, query: 1 }, index));
        expect(drawn).toHaveLength((way + distractor) * unlabeled);
        expect(new Set([...drawn, ...episode.support, ...episode.query]).size).toBe(drawn.length + 2 * way);
        const counts = new Map<number, number>();
        for (const image of drawn) {
          const c = classOf(split.offsets, image);
          counts.set(c, (counts.get(c) ?? 0) + 1);
        }
        expect([...counts.values()]).toEqual(Array.from({ length: way + distractor }, () => unlabeled));
        for (const label of episode.classes) expect(counts.get(label)).toBe(unlabeled);
        expect(sampleEpisode(seed, "train", split, task, index)).toEqual(episode);
      }),
    );
  });

  test("stand in an order that tells nothing of their classes", () => {
    const split = splitOf(Array.from({ length: 8 }, () => 6));
    const task = { way: 2, shot: 1, query: 1, unlabeled: 2, distractor: 2 };
    const places = Array.from({ length: 8 }, () => 0);
    const episodes = 2000;
    for (let index = 0; index < episodes; index++) {
      const { classes, unlabeled = [] } = sampleEpisode(3, "train", split, task, index);
      for (const [place, image] of [...unlabeled].entries())
        if (classOf(split.offsets, image) === classes[0]) places[place] = (places[place] ?? 0) + 1;
    }
    const expected = places.map(() => (2 * episodes) / places.length);
    expect(Math.abs(chiSquareDeviate(places, expected))).toBeLessThan(4);
  });

  test("are in episodes that share no image, too", () => {
    const split = splitOf([9, 9, 9, 9, 9]);
    const task = { way: 2, shot: 1, query: 1, unlabeled: 2, distractor: 1 };
    const all = disjointEpisodes(1, split, task).map(allImages);
    expect(all.length).toBeGreaterThan(2);
    expect(new Set(all.flatMap((images) => [...images])).size).toBe(all.length * 10);
  });
});

describe("frequencies", () => {
  const sizes = [20, 26, 33, 20, 41, 20, 22, 37, 20, 58, 24, 21];
  const split = splitOf(sizes);
  const task = { way: 5, shot: 1, query: 6 };
  const episodes = 40_000;
  const classes = new Array<number>(sizes.length).fill(0);
  const supports = new Array<number>(split.offsets.at(-1) as number).fill(0);
  const queries = [...supports];
  const firsts = [...classes];
  const pairs = new Array<number>(sizes.length * sizes.length).fill(0);
  for (let index = 0; index < episodes; index++) {
    const episode = sampleEpisode(11, "train", split, task, index);
    for (const c of episode.classes) classes[c] = (classes[c] as number) + 1;
    for (const i of episode.support) supports[i] = (supports[i] as number) + 1;
    for (const i of episode.query) queries[i] = (queries[i] as number) + 1;
    const [a, b] = episode.classes as unknown as [number, number];
    firsts[a] = (firsts[a] as number) + 1;
    pairs[a * sizes.length + b] = (pairs[a * sizes.length + b] as number) + 1;
  }
  // Four standard deviations: one false alarm in 30,000, and the seed is fixed.
  const limit = 4;

  test("every class is drawn equally often", () => {
    const expected = classes.map(() => (episodes * task.way) / sizes.length);
    // Draws without replacement vary less than the chi-square law has it, by the share that is left out.
    const shrunk = expected.map((e) => (e * (1 - task.way / sizes.length) * sizes.length) / (sizes.length - 1));
    const around = classes.map((count, c) => count - (expected[c] as number) + (shrunk[c] as number));
    expect(Math.abs(chiSquareDeviate(around, shrunk))).toBeLessThan(limit);
  });

  test("every class stands first equally often, and every ordered pair", () => {
    expect(
      Math.abs(
        chiSquareDeviate(
          firsts,
          firsts.map(() => episodes / sizes.length),
        ),
      ),
    ).toBeLessThan(limit);
    const ordered = pairs.filter((_, i) => Math.floor(i / sizes.length) !== i % sizes.length);
    const expected = ordered.map(() => episodes / ordered.length);
    expect(pairs.filter((_, i) => Math.floor(i / sizes.length) === i % sizes.length).every((n) => n === 0)).toBe(true);
    expect(Math.abs(chiSquareDeviate(ordered, expected))).toBeLessThan(limit);
  });

  test("every image of a class is support and query equally often", () => {
    for (const [c, size] of sizes.entries()) {
      const from = split.offsets[c] as number;
      const of = (counts: readonly number[]): readonly number[] => counts.slice(from, from + size);
      const each = (counts: readonly number[]): number[] =>
        of(counts).map(() => of(counts).reduce((a, b) => a + b, 0) / size);
      expect(Math.abs(chiSquareDeviate(of(supports), each(supports)))).toBeLessThan(limit);
      const share = task.query / size;
      const shrunk = each(queries).map((e) => (e * (1 - share) * size) / (size - 1));
      const around = of(queries).map((count, i) => count - (each(queries)[i] as number) + (shrunk[i] as number));
      expect(Math.abs(chiSquareDeviate(around, shrunk))).toBeLessThan(limit);
    }
  });
});

describe("queries of unbalanced classes", () => {
  const uneven = fc
    .record({
      sizes: fc.array(fc.integer({ min: 6, max: 30 }), { minLength: 3, maxLength: 8 }),
      seed: fc.nat(),
      index: fc.nat({ max: 2 ** 40 }),
      shot: fc.integer({ min: 1, max: 3 }),
      query: fc.integer({ min: 1, max: 3 }),
      dirichlet: fc.double({ min: 0.05, max: 50, noNaN: true }),
    })
    .map(({ sizes, shot, query, dirichlet, ...rest }) => ({
      ...rest,
      split: splitOf(sizes),
      task: { way: 3, shot, query, dirichlet },
    }));

  test("are as many in all as of balanced ones, each of the class that its label says, with the same supports", () => {
    fc.assert(
      fc.property(uneven, ({ seed, split, task, index }) => {
        const { way, shot, query } = task;
        const { classes, support, query: queries, labels } = sampleEpisode(seed, "evaluate", split, task, index);
        const balanced = sampleEpisode(seed, "evaluate", split, { way, shot, query }, index);
        expect(support).toEqual(balanced.support);
        expect(classes).toEqual(balanced.classes);
        expect(queries).toHaveLength(way * query);
        expect(new Set([...support, ...queries]).size).toBe(way * (shot + query));
        expect(labels).toHaveLength(way * query);
        for (const [q, image] of queries.entries())
          expect(classOf(split.offsets, image)).toBe(classes[labels?.[q] ?? -1]);
        expect([...(labels ?? [])]).toEqual([...(labels ?? [])].sort());
        expect(sampleEpisode(seed, "evaluate", split, task, index).query).toEqual(queries);
      }),
    );
  });

  test("have the shares of a Dirichlet distribution, whose variance its concentration sets", () => {
    const [way, total] = [4, 4000];
    for (const concentration of [0.3, 2]) {
      const squares = Array.from({ length: 4000 }, (_, i) => {
        const counts = unevenCounts(new Stream([7, i]), concentration, total, [total, total, total, total]);
        expect(counts.reduce((a, b) => a + b, 0)).toBe(total);
        return ((counts[1] ?? 0) / total - 1 / way) ** 2;
      });
      // The variance of a share: (1/K)(1 − 1/K) / (K·a + 1).
      const expected = ((1 / way) * (1 - 1 / way)) / (way * concentration + 1);
      const found = squares.reduce((a, b) => a + b, 0) / squares.length;
      expect(Math.abs(found / expected - 1)).toBeLessThan(0.08);
    }
  });
});

test("the kinds of steps are drawn equally often, whatever the step", () => {
  const counts = [0, 0, 0];
  for (let step = 1; step <= 3000; step++) {
    const kind = kindOfStep(5, step, 3);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  expect(Math.abs(chiSquareDeviate(counts, [1000, 1000, 1000]))).toBeLessThan(4);
  expect(kindOfStep(5, 2999, 3)).toBe(kindOfStep(5, 2999, 3));
});

describe("impossible tasks are refused", () => {
  test("more ways than classes", async () => {
    const draw = (): Episode => sampleEpisode(0, "train", splitOf([9, 9]), { way: 5, shot: 1, query: 1 }, 0);
    const { message } = await failsWith("FSL6011", draw);
    expect(message).toBe("an episode of 5 ways cannot be drawn from `train`, which has only 2 classes");
  });

  test("more images than the smallest class has, whichever classes would be drawn", async () => {
    const draw = (): Episode => sampleEpisode(0, "train", splitOf([99, 99, 8, 99]), { way: 1, shot: 5, query: 15 }, 0);
    const { message } = await failsWith("FSL6012", draw);
    expect(message).toBe("5 shot, 15 query needs 20 images in each class, but class `class 2` of `train` has only 8");
  });

  test("no task at all", async () => {
    for (const task of [
      { way: 0, shot: 1, query: 1 },
      { way: 1, shot: -1, query: 1 },
      { way: 1, shot: 1, query: -1 },
      { way: 1.5, shot: 1, query: 1 },
      { way: Number.NaN, shot: 1, query: 1 },
    ]) {
      await failsWith("FSL6013", () => sampleEpisode(0, "train", splitOf([9, 9]), task, 0));
    }
  });
});

describe("the order of an epoch", () => {
  test("holds every image once and differs from epoch to epoch", () => {
    const first = shuffledImages(1, "pretrain", 500, 0);
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect(shuffledImages(1, "pretrain", 500, 0)).toEqual(first);
    expect(shuffledImages(1, "pretrain", 500, 1)).not.toEqual(first);
    expect(shuffledImages(2, "pretrain", 500, 0)).not.toEqual(first);
  });
});

function sizesOf(offsets: Int32Array): number[] {
  return [...offsets.subarray(1)].map((end, c) => end - (offsets[c] as number));
}
