import fc from "fast-check";
import { expect, test } from "vitest";
import { estimate, studentQuantile } from "../../src/common/statistics.js";

test("quantiles of Student's t agree with the closed forms of 1, 2 and 4 degrees of freedom", () => {
  for (const p of [0.6, 0.9, 0.975, 0.995, 0.9995]) {
    const alpha = 4 * p * (1 - p);
    expect(studentQuantile(p, 1)).toBeCloseTo(Math.tan(Math.PI * (p - 0.5)), 9);
    expect(studentQuantile(p, 2)).toBeCloseTo(2 * (p - 0.5) * Math.sqrt(2 / alpha), 9);
    const q = Math.cos(Math.acos(Math.sqrt(alpha)) / 3) / Math.sqrt(alpha);
    expect(studentQuantile(p, 4)).toBeCloseTo(2 * Math.sqrt(q - 1), 9);
  }
});

test("quantiles agree with printed tables", () => {
  // t(0.975) as every table prints it.
  const table: [number, number][] = [
    [3, 3.182],
    [5, 2.571],
    [10, 2.228],
    [30, 2.042],
    [120, 1.98],
    [599, 1.964],
    [1_000_000, 1.96],
  ];
  for (const [df, t] of table) expect(studentQuantile(0.975, df)).toBeCloseTo(t, 3);
  expect(studentQuantile(0.025, 10)).toBeCloseTo(-2.228, 3);
});

test("an estimate is the plain mean and the interval of the textbook", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 50 }), (values) => {
      const n = values.length;
      const mean = values.reduce((a, b) => a + b, 0) / n;
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1);
      const result = estimate(values);
      expect(result.mean).toBeCloseTo(mean, 10);
      expect(result.ci95).toBeCloseTo(studentQuantile(0.975, n - 1) * Math.sqrt(variance / n), 8);
    }),
  );
});

test("one episode has no interval", () => {
  expect(estimate([0.5])).toEqual({ mean: 0.5, ci95: Number.NaN, count: 1 });
});
