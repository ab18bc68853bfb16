/** Precision, recall and F1 by their definitions. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { printReports } from "../../src/cli/print/reports.js";
import { macroScores, scoresByClass } from "../../src/runtime/stages/class-scores.js";

test("three classes by hand: one that nothing was taken for, and one without queries", () => {
  // ant: 3 of 4 right; bee: 1 of 3 right; cow: both lost; one bee was taken for a dog, which has no query.
  const scores = scoresByClass([
    [0, 0, 3],
    [0, 1, 1],
    [1, 1, 1],
    [1, 0, 1],
    [1, 3, 1],
    [2, 0, 2],
  ]);
  expect([...scores.keys()]).toEqual([0, 1, 2]);
  expect(scores.get(0)).toEqual({ queries: 4, precision: 3 / 6, recall: 3 / 4, f1: (2 * 0.5 * 0.75) / 1.25 });
  expect(scores.get(1)).toEqual({ queries: 3, precision: 1 / 2, recall: 1 / 3, f1: 0.4 });
  expect(scores.get(2)).toEqual({ queries: 2, precision: 0, recall: 0, f1: 0 });
  expect(macroScores(scores.values()).recall).toBeCloseTo((3 / 4 + 1 / 3) / 3, 12);
  const classes = [...scores].map(([c, one]) => ({ name: `class ${c}`, ...one }));
  const report = { stage: "test", row: "", kind: "f1" as const, macro: macroScores(scores.values()), classes };
  const text = printReports([report], 80);
  expect(text).toContain("test: F1 of 3 classes");
  expect(text).toMatch(/mean over all classes +33\.3 % +36\.1 % +33\.3 % +9/);
});

test("recall weighted by queries is the accuracy, and all scores are from 0 to 1", () => {
  const cell = fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 }), fc.integer({ min: 1, max: 9 }));
  fc.assert(
    fc.property(fc.uniqueArray(cell, { minLength: 1, maxLength: 25, selector: ([a, b]) => 5 * a + b }), (cells) => {
      const scores = [...scoresByClass(cells).values()];
      const total = cells.reduce((sum, [, , n]) => sum + n, 0);
      const right = cells.reduce((sum, [a, b, n]) => sum + (a === b ? n : 0), 0);
      expect(scores.reduce((sum, { queries, recall }) => sum + queries * recall, 0) / total).toBeCloseTo(
        right / total,
        12,
      );
      for (const { precision, recall, f1 } of scores) {
        for (const value of [precision, recall, f1]) expect(value >= 0 && value <= 1).toBe(true);
        expect(f1 <= Math.max(precision, recall) + 1e-12 && f1 >= Math.min(precision, recall) - 1e-12).toBe(true);
      }
    }),
  );
});
