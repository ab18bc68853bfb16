import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fold, rootKey, Stream, unshuffle } from "../../src/common/random/stream.js";
import { chiSquareDeviate } from "./support.js";

const numbers = (stream: Stream, count: number): number[] => Array.from({ length: count }, () => stream.next());

describe("keys", () => {
  test("differ where any part differs, and stay for the same parts", () => {
    const parts = fc.tuple(fc.nat({ max: 2 ** 50 }), fc.string(), fc.nat(), fc.nat());
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const key = ([seed, purpose, step, place]: typeof a): readonly [number, number] =>
          fold(fold(rootKey(seed, purpose), step), place);
        expect(key(a)).toEqual(key([...a]));
        if (JSON.stringify(a) !== JSON.stringify(b)) expect(key(a)).not.toEqual(key(b));
      }),
    );
  });

  test("of seeds that agree in their low 32 bits differ", () => {
    expect(rootKey(5, "train")).not.toEqual(rootKey(5 + 2 ** 32, "train"));
  });
});

describe("a stream", () => {
  test("is uniform, and so are the first numbers of neighbouring keys", () => {
    const one = new Stream(rootKey(3, "train"));
    const across = Array.from({ length: 64_000 }, (_, i) => new Stream(fold(rootKey(3, "train"), i)).below(64));
    for (const values of [Array.from({ length: 64_000 }, () => one.below(64)), across]) {
      const counts = new Array<number>(64).fill(0);
      for (const value of values) counts[value] = (counts[value] as number) + 1;
      expect(
        Math.abs(
          chiSquareDeviate(
            counts,
            counts.map(() => 1000),
          ),
        ),
      ).toBeLessThan(4);
    }
  });

  test("starts over where it is reset", () => {
    const stream = new Stream([1, 2]);
    const first = numbers(stream, 10);
    stream.normal();
    stream.reset([1, 2]);
    expect(numbers(stream, 10)).toEqual(first);
  });

  test("gives standard normals", () => {
    const stream = new Stream([5, 6]);
    const values = Array.from({ length: 100_000 }, () => stream.normal());
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(values.length));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / values.length));
    expect(values.filter((v) => Math.abs(v) < 1.959964).length / values.length).toBeCloseTo(0.95, 2);
  });

  test("shuffles as `below` would, and takes it back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(), (count, seed) => {
        const drawn = 1 + (seed % count);
        const pool = Int32Array.from({ length: count }, (_, i) => i);
        const swaps = new Int32Array(drawn);
        new Stream([seed, 1]).shuffle(pool, swaps, count, drawn);
        const slow = new Stream([seed, 1]);
        const expected = Array.from({ length: count }, (_, i) => i);
        for (let i = 0; i < drawn; i++) {
          const j = i + slow.below(count - i);
          [expected[i], expected[j]] = [expected[j] as number, expected[i] as number];
        }
        expect([...pool]).toEqual(expected);
        unshuffle(pool, swaps, drawn);
        expect([...pool]).toEqual(Array.from({ length: count }, (_, i) => i));
      }),
    );
  });
});
