import { expect, test } from "vitest";
import { accuracyOf, classMeanOf, harmonicOf } from "../../src/runtime/stages/measures.js";
import type { ScoredEpisodes } from "../../src/runtime/stages/scored-episodes.js";

/** Two episodes of three ways and up to four queries each: ant and bee were trained, yak was not. */
const correct = [
  [1, 1, 0, 0, /**/ 1, 0, 9, 9, /**/ 1, 9, 9, 9],
  [1, 1, 1, 1, /**/ 0, 0, 9, 9, /**/ 0, 9, 9, 9],
];
function scored(episodes: readonly object[], whole: boolean): ScoredEpisodes {
  return {
    row: { task: { way: 3, shot: 1, query: 4 }, whole },
    split: { classes: ["yak", "ant", "bee"] },
    episodes: episodes.map((episode) => ({ classes: Int32Array.of(1, 2, 0), ...episode })),
    known: new Set(["ant", "bee"]),
    classified: { correct: Float32Array.from(correct.slice(0, episodes.length).flat()) },
  } as unknown as ScoredEpisodes;
}
const counted = { counts: Int32Array.of(4, 2, 1) };
const credit = (of: ScoredEpisodes): Float32Array => of.classified.correct;

test("the accuracy is the mean over queries and leaves out repeated images", () => {
  const rows = scored([counted, counted], true);
  expect(accuracyOf(rows, credit(rows)).values).toEqual([4 / 7, 4 / 7]);
});

test("the class mean weighs classes alike", () => {
  expect(classMeanOf(scored([counted, counted], true)).values).toEqual([(0.5 + 0.5 + 1) / 3, (1 + 0 + 0) / 3]);
});

test("the harmonic mean is that of the class means of known and of new classes", () => {
  const { seen, unseen, harmonic } = harmonicOf(scored([counted, counted], true), new Set(["ant", "bee"]));
  expect(seen.values).toEqual([0.5, 0.5]);
  expect(unseen.values).toEqual([1, 0]);
  expect(harmonic.values).toEqual([(2 * 0.5) / 1.5, 0]);
});

test("the interval of a single episode is over its queries, or over its classes", () => {
  const rows = scored([counted], true);
  const { mean, ci95, count } = accuracyOf(rows, credit(rows)).estimate;
  expect([mean, count]).toEqual([4 / 7, 1]);
  expect(ci95).toBeGreaterThan(0);
  expect(classMeanOf(rows).estimate.ci95).toBeGreaterThan(0);
});

test("a way without queries, which a Dirichlet draw may give, does not count", () => {
  // All queries are of the first way but for one of the second.
  const labels = Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  const rows = scored([{ labels }], false);
  const values = Float32Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0);
  const own = { ...rows, classified: { correct: values } } as unknown as ScoredEpisodes;
  expect(classMeanOf(own).values).toEqual([0.5]);
});
