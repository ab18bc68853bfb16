/** What the table of results says of the kind of method. */
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { fileLines } from "../../src/cli/print/files.js";
import { printReports } from "../../src/cli/print/reports.js";
import { resultNotes, resultsTable } from "../../src/cli/print/run-summary.js";
import { printPaths } from "../../src/cli/print/runs.js";
import { plainReporter } from "../../src/cli/reporters/plain.js";
import type { EvaluateRow, EvaluateStage } from "../../src/compiler/typed/tree.js";
import type { Result } from "../../src/runtime/events/events.js";
import { buildReports } from "../../src/runtime/stages/reports.js";
import { prototypes } from "../lower/fixtures.js";

const task = { way: 2, shot: 1, query: 1 };
const plain = prototypes(task, 3);
const { classify } = plain.entries;
if (classify === undefined) throw new Error("no classify");
const metrics = {
  plain,
  together: { ...plain, entries: { classify: { ...classify, transductive: true } } },
  balanced: { ...plain, entries: { classify: { ...classify, transductive: true, assumes: ["balanced"] } } },
};

function labelled(metric: EvaluateRow["metric"]): string {
  return resultsTable(resultsOf(metric, [0, 0, 0, 0]), 80);
}

function resultsOf(metric: EvaluateRow["metric"], unscored: readonly number[]): Result[] {
  const row = { label: "", task, metric, episodes: 2 } as EvaluateRow;
  const classified = {
    correct: Float32Array.of(1, 0, 1, 1),
    top: new Map(),
    predicted: Int32Array.of(0, 0, 0, 1),
    unscored: Float32Array.from(unscored),
    logits: undefined,
  };
  const episode = { classes: [0, 1], support: Int32Array.of(0, 2), query: Int32Array.of(1, 3) };
  const stage = { report: [{ kind: "accuracy" }] } as unknown as EvaluateStage;
  const scored = { row, split: { split: "test", digest: "0" }, episodes: [episode, episode], classified };
  const { results } = buildReports(stage, [scored] as unknown as Parameters<typeof buildReports>[1], 0);
  return results.map((result) => ({ stage: "final", ...result }));
}

it("names a transductive method, and what it assumes of the queries", () => {
  expect(labelled(metrics.plain)).toMatch(/^final +accuracy +75\.00/m);
  expect(labelled(metrics.together)).toMatch(/^final +accuracy, transductive +75\.00/m);
  expect(labelled(metrics.balanced)).toMatch(/^final +accuracy, transductive, assumes balanced +75\.00/m);
});

it("counts queries whose scores are not numbers", () => {
  expect(resultsOf(metrics.plain, [0, 0, 0, 0])[0]).not.toHaveProperty("unscored");
  const [result] = resultsOf(metrics.plain, [0, 1, 0, 1]);
  expect(result).toMatchObject({ metric: "accuracy", unscored: 2 });
  expect(resultNotes(result === undefined ? [] : [result], 80).join("\n")).toContain(
    "final: 2 queries of its 2 episodes got scores that are not numbers; each counts\nas wrong.",
  );
});

it("breaks the heading of confusions at 80 columns", () => {
  const cells = [[0, 1, 123_456] as const, [1, 1, 1_000_000] as const];
  const classes = ["ant", "bee"];
  const text = printReports(
    [{ stage: "evaluation_of_everything", row: "5 way, 1 shot", kind: "confusion", classes, cells }],
    200,
  );
  for (const line of text.split("\n")) expect([...line].length, line).toBeLessThanOrEqual(80);
  expect(text).toContain("\nanother class, most often\n");
});

it("lists the cells of a row one below the other on a terminal that is narrower than the table", () => {
  const result: Result = { stage: "final", row: "5-way", metric: "accuracy", mean: 0.75, ci95: 0.01, episodes: 600 };
  const other: Result = { ...result, stage: "other", mean: 0.5 };
  expect(resultsTable([result, other], 80)).toContain("final (5-way)  accuracy       75.00 ± 1.00 %       600");
  expect(resultsTable([result, other], 40)).toBe(
    [
      "stage                final (5-way)",
      "metric               accuracy",
      "mean ± 95% interval  75.00 ± 1.00 %",
      "episodes             600",
      "",
      "stage                other (5-way)",
      "metric               accuracy",
      "mean ± 95% interval  50.00 ± 1.00 %",
      "episodes             600",
    ].join("\n"),
  );
});

it("lists paths behind the stages that they are of", () => {
  expect(
    printPaths("weights", [
      ["base", "/w/a"],
      ["tuned", "/w/b"],
    ]),
  ).toMatch(/^weights\n {2}base {3}.*w\/a\n {2}tuned {2}.*w\/b$/);
});

it("lists a long series of files in one line", () => {
  const series = Array.from({ length: 12 }, (_, step) => `/run/results/proto/weights-${step}.safetensors`);
  const single = ["/run/results/proto/episodes.json", "/run/results/test/logits-5way.safetensors"];
  expect(fileLines([...series, ...single], "/run")).toEqual([
    "  results/proto/weights-0.safetensors … weights-11.safetensors (12 files)",
    "  results/proto/episodes.json",
    "  results/test/logits-5way.safetensors",
  ]);
});

it("writes a line once where rows of an evaluation end alike", () => {
  const stderr = new PassThrough();
  const { event } = plainReporter({ stderr } as unknown as Parameters<typeof plainReporter>[0]);
  const of = (done: number, time: number) =>
    event({ type: "stage.progress", stage: "test", phase: "classify", done, total: 100, unit: "episodes", time });
  for (const [at, done] of [50, 100, 100].entries()) of(done, at);
  expect(String(stderr.read()).match(/classify/g)).toHaveLength(2);
});
