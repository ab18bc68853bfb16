import fc from "fast-check";
import { expect, test } from "vitest";
import { normalTails, studentTails } from "../../src/common/statistics.js";
import { comparePaired, wilcoxon } from "../../src/runtime/run/paired.js";

/** Relative agreement: tails are tiny. */
function close(value: number, expected: number, digits = 12): void {
  expect(Math.abs(value / expected - 1)).toBeLessThan(10 ** -digits);
}

test("tails of the normal and of Student's t agree with SciPy's, far out too", () => {
  const normal: [number, number][] = [
    [0.1, 0.920344325445942],
    [1, 0.31731050786291415],
    [1.96, 0.04999579029644087],
    [2.5, 0.012419330651552265],
    [2.9, 0.003731626600768075],
    [5, 5.733031437583866e-7],
    [10, 1.523970604832094e-23],
    [30, 9.813427854295816e-198],
  ];
  for (const [z, p] of normal) {
    close(normalTails(z), p);
    close(normalTails(-z), p);
  }
  expect(normalTails(0)).toBe(1);
  close(studentTails(2.5, 10), 0.03144684423660882);
  close(studentTails(-8, 1999), 2.086965053529596e-15, 9);
  close(studentTails(40, 1999), 1.5341630994704354e-257, 9);
  close(studentTails(0.01, 5), 0.9924080180425819);
});

test("Wilcoxon counted out: without ties and with them", () => {
  // SciPy's exact method, and its permutation over all signs.
  const exact = wilcoxon([1.1, -0.3, 2.2, 0.7, -0.9, 1.5, 3.1, 0.2]);
  expect(exact).toEqual({ statistic: 30, p: expect.closeTo(0.109375, 12), method: "exact" });
  const tied = wilcoxon([1, 1, -1, 2, 2, 3, -2, 4]);
  expect(tied).toEqual({ statistic: 29, p: expect.closeTo(0.1640625, 12), method: "exact" });
  expect(wilcoxon([0, 0])).toEqual({ statistic: 0, p: 1, method: "exact" });
});

test("eighty episodes: interval, t-test and Wilcoxon as SciPy has them", () => {
  const d = [
    -3, -3, 3, 0, -2, 1, -1, 2, -3, 0, -4, -3, -2, 2, -3, 3, -1, 0, -4, 1, -4, 3, -1, -1, -4, 1, -4, -2, -4, 2, -3, -1,
    3, 1, -1, 3, -1, -2, -3, -4, 0, 0, 0, -4, 2, 0, 3, 0, -4, -1, 1, -2, -1, -1, 3, 0, -3, -3, 0, 0, 0, -1, 2, -3, 3, 0,
    1, -2, -2, -2, -4, -4, 0, 1, 2, -2, -4, -4, -2, -4,
  ];
  const base = d.map((_, i) => 30 + (i % 7));
  const { difference, t, wilcoxon, episodes } = comparePaired(
    d.map((x, i) => ((base[i] ?? 0) + x) / 75),
    base.map((x) => x / 75),
  );
  expect(75 * (difference.mean - difference.ci95)).toBeCloseTo(-1.4254703427562254, 9);
  expect(75 * (difference.mean + difference.ci95)).toBeCloseTo(-0.4245296572437748, 9);
  expect(t.statistic).toBeCloseTo(-3.6788722271195295, 9);
  close(t.p, 0.00042602452807427295, 8);
  expect(wilcoxon).toEqual({ statistic: 573.5, p: expect.closeTo(0.0006211822006823459, 12), method: "normal" });
  expect(episodes).toEqual({ better: 21, equal: 14, worse: 45 });
});

test("the counted distribution and its approximation meet", () => {
  const values = Array.from({ length: 51 }, (_, i) => (i % 3 === 0 ? -1 : 1) * (i + 1));
  const normal = wilcoxon(values);
  const exact = wilcoxon(values.slice(1));
  expect(normal.method).toBe("normal");
  expect(exact.method).toBe("exact");
  expect(Math.abs(normal.p - exact.p)).toBeLessThan(0.01);
});

test("a comparison is antisymmetric, and equal lists are equal", () => {
  const scores = fc.array(fc.tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 15 })), {
    minLength: 2,
    maxLength: 70,
  });
  fc.assert(
    fc.property(scores, (pairs) => {
      const a = pairs.map(([x]) => x / 15);
      const b = pairs.map(([, y]) => y / 15);
      const [ab, ba] = [comparePaired(a, b), comparePaired(b, a)];
      expect(ab.difference.mean).toBeCloseTo(-ba.difference.mean, 12);
      expect(ab.t.p).toBeCloseTo(ba.t.p, 12);
      expect(ab.wilcoxon.p).toBeCloseTo(ba.wilcoxon.p, 9);
      expect(ab.episodes.better).toBe(ba.episodes.worse);
      expect(ab.t.p).toBeGreaterThanOrEqual(0);
      expect(ab.wilcoxon.p).toBeLessThanOrEqual(1);
      const same = comparePaired(a, a);
      expect(same.t).toMatchObject({ statistic: 0, p: 1 });
      expect(same.wilcoxon.p).toBe(1);
    }),
  );
  expect(comparePaired([1, 1, 1], [0, 0, 0]).t.p).toBe(0);
  expect(() => comparePaired([1, 2], [1])).toThrow(RangeError);
});
