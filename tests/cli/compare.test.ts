import { expect, test } from "vitest";
import { resultsTable } from "../../src/cli/print/run-summary.js";
import { printComparison } from "../../src/cli/print/runs.js";
import { compareEvaluations } from "../../src/runtime/run/compare.js";
import type { Evaluation } from "../../src/runtime/run/runs.js";
import type { ScoredRow } from "../../src/runtime/store/scores.js";

const row = (change: Partial<ScoredRow> = {}): ScoredRow => ({
  task: { way: 5, shot: 1, query: 15 },
  split: "test",
  digest: "images",
  episodes: "sampled",
  list: "0".repeat(64),
  transductive: false,
  metrics: { accuracy: [0.5, 0.75, 0.25, 1] },
  ...change,
});
const evaluation = (stage: string, rows: readonly ScoredRow[], seed = 0): Evaluation => ({
  run: "20260101-120000-abcdef",
  stage,
  dir: "",
  manifest: {} as Evaluation["manifest"],
  scores: { format: 1, seed, rows },
});
const other = "1".repeat(64);
const why = (change: Partial<ScoredRow>, seed = 0): readonly string[] =>
  compareEvaluations(evaluation("a", [row()]), evaluation("b", [row({ list: other, ...change })], seed)).unpaired;

test("a transductive method against one that is not is never silent", () => {
  const seeing = evaluation("tim", [row({ transductive: true })]);
  const text = printComparison(compareEvaluations(seeing, evaluation("proto", [row()])), 80);
  expect(text.replace(/\s+/g, " ")).toContain("not a fair comparison: A is transductive and sees all queries");
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  expect(printComparison(compareEvaluations(seeing, seeing), 80)).not.toContain("not a fair comparison");
  const result = { stage: "tim", metric: "accuracy", mean: 0.5, ci95: 0.1, episodes: 4, transductive: true } as const;
  expect(resultsTable([result], 80)).toContain("accuracy, transductive");
});

test("each reason against a pairing is named, the first that holds", () => {
  expect(why({ task: { way: 5, shot: 5, query: 15 } })).toEqual([
    "only A has 5-way 1-shot, 15 queries a class",
    "only B has 5-way 5-shot, 15 queries a class",
  ]);
  expect(why({ split: "val" })[0]).toContain("A is of the test split, B of the val split");
  expect(why({ digest: "others" })[0]).toContain("images or classes of the test split are not the same");
  expect(why({ episodes: "given" })[0]).toContain("A's episodes are sampled, B's given");
  expect(why({}, 1)[0]).toContain("A has seed 0, B seed 1");
  expect(why({ metrics: { accuracy: [1, 1] } })[0]).toContain("A has 4 episodes, B 2");
  expect(why({})[0]).toContain("different versions");
  const old = { ...evaluation("b", []), scores: undefined };
  expect(compareEvaluations(evaluation("a", [row()]), old).unpaired[0]).toContain("--force b");
});

test("one episode has no interval, so it is not compared, and that is said", () => {
  const single = row({ metrics: { accuracy: [0.5] } });
  const { rows, unpaired } = compareEvaluations(evaluation("a", [single]), evaluation("b", [single]));
  expect(rows).toEqual([]);
  expect(unpaired[0]).toContain("one episode cannot be compared");
});

test("the same episodes pair, whether they were sampled or given", () => {
  const { rows } = compareEvaluations(evaluation("a", [row()]), evaluation("b", [row({ episodes: "given" })], 7));
  expect(rows).toHaveLength(1);
});
