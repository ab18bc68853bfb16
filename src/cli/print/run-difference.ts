/** Formats what differs between two runs for `fslc runs diff`. */
import { changedLines } from "../../common/line-diff.js";
import type { Difference, ResultPair, RunDifference, SourceDifference } from "../../runtime/run/diff.js";
import { interval, percent, shorten } from "../view/format.js";
import { printRunHeading } from "./runs.js";
import { joinParts, table } from "./table.js";

/** The number of equal lines around a change. */
const context = 2;
/** The number of characters of a digest that are shown. */
const digestLength = 12;

export function printRunDifference(difference: RunDifference, width: number): string {
  const { a, b, unrecorded, differences, sources, results } = difference;
  const same = differences.length === 0 && sources.length === 0;
  return joinParts([
    `A  ${printRunHeading(a).replace("\n", "\n   ")}\nB  ${printRunHeading(b).replace("\n", "\n   ")}`,
    unrecorded
      .map((id) => `! ${id} was made by an older version, which did not record its parameters and texts`)
      .join("\n"),
    same && unrecorded.length === 0 ? "the runs were asked for the same, with the same texts and data" : "",
    differences.length === 0 ? "" : table(["what differs", "", "A", "B"], differences.map(differenceRow), { width }),
    ...sources.map(printSource),
    results.length === 0 ? "" : printResults(results, width),
  ]);
}

function differenceRow({ kind, name, a, b }: Difference): string[] {
  const digests = kind === "data" || kind === "file";
  const cell = (value: string | undefined): string =>
    value === undefined ? "–" : digests ? value.slice(0, digestLength) : shorten(value, 40);
  return [kind === name ? "" : kind, name, cell(a), cell(b)];
}

/** Prints a file in the manner of a unified diff: lines of A with `-`, lines of B with `+`. */
function printSource({ id, a, b, lines }: SourceDifference): string {
  if (lines === undefined) {
    const digest = (value: string | undefined): string => value?.slice(0, digestLength) ?? "absent";
    return `${id} differs: ${digest(a)} in A, ${digest(b)} in B`;
  }
  const marks = { same: " ", removed: "-", added: "+" } as const;
  const shown = changedLines(lines, context).map((line) =>
    line === undefined ? "  …" : `  ${marks[line.kind]} ${line.text}`.trimEnd(),
  );
  return [id, ...shown].join("\n").trimEnd();
}

function printResults(results: readonly ResultPair[], width: number): string {
  const rows = results.map(({ stage, row, metric, a, b }) => [
    row === "" ? stage : `${stage} (${row})`,
    metric,
    a === undefined ? "–" : interval(a.mean, a.ci95),
    b === undefined ? "–" : interval(b.mean, b.ci95),
    a === undefined || b === undefined ? "" : points(b.mean - a.mean),
  ]);
  return table(["stage", "metric", "A", "B", "B - A, points"], rows, {
    align: ["left", "left", "right", "right", "right"],
    width,
  });
}

function points(fraction: number): string {
  return `${fraction < 0 ? "-" : "+"}${percent(Math.abs(fraction))}`;
}
