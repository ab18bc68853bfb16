/**
 * Formats what an evaluation counted beyond its results in a few lines: the classes with the lowest and highest accuracy,
 * and the pairs of classes that are confused most often.
 */
import type { StageReport } from "../../runtime/scheduler/scheduler.js";
import { count, percent, plural } from "../view/format.js";
import { table } from "./table.js";
import { wrap } from "./wrap.js";

/** The number of classes or pairs that are listed. All of them are in the manifest. */
const listed = 5;

export function printReports(reports: readonly StageReport[], width: number, most = listed): string {
  return reports.map((report) => printReport(report, width, most)).join("\n\n");
}

function printReport(report: StageReport, width: number, most: number): string {
  const name = report.row === "" ? report.stage : `${report.stage} (${report.row})`;
  if (report.kind === "per_class") return perClass(name, report, width, most);
  return report.kind === "f1" ? f1(name, report, width, most) : confusion(name, report, width, most);
}

function perClass(
  name: string,
  { classes }: Extract<StageReport, { kind: "per_class" }>,
  width: number,
  most: number,
): string {
  const row = (c: (typeof classes)[number]) => [c.name, `${percent(c.accuracy, 1)} %`, count(c.queries)];
  const sorted = [...classes].sort((a, b) => a.accuracy - b.accuracy);
  const { rows, which } = lowestAndHighest(sorted.map(row), most);
  return `${name}: accuracy of ${plural(classes.length, "class", "classes")}${which}\n${table(
    ["class", "accuracy", "queries"],
    rows,
    { align: ["left", "right", "right"], indent: 2, width },
  )}`;
}

/** Returns the first and the last rows of a long list with a row of dots between them, or all rows of a short one. */
function lowestAndHighest(rows: readonly string[][], most: number): { rows: string[][]; which: string } {
  if (rows.length <= 2 * most) return { rows: [...rows], which: "" };
  const dots = ["…", ...(rows[0] ?? []).slice(1).map(() => "")];
  return { rows: [...rows.slice(0, most), dots, ...rows.slice(-most)], which: `, the ${most} lowest and highest` };
}

function f1(
  name: string,
  { macro, classes }: Extract<StageReport, { kind: "f1" }>,
  width: number,
  most: number,
): string {
  const scores = ({ precision, recall, f1: both }: typeof macro): string[] =>
    [precision, recall, both].map((value) => `${percent(value, 1)} %`);
  const sorted = [...classes].sort((a, b) => a.f1 - b.f1);
  const { rows, which } = lowestAndHighest(
    sorted.map((c) => [c.name, ...scores(c), count(c.queries)]),
    most,
  );
  const total = classes.reduce((sum, c) => sum + c.queries, 0);
  return `${name}: F1 of ${plural(classes.length, "class", "classes")}${which}\n${table(
    ["class", "precision", "recall", "F1", "queries"],
    [...rows, ["mean over all classes", ...scores(macro), count(total)]],
    { align: ["left", "right", "right", "right", "right"], indent: 2, width },
  )}`;
}

function confusion(
  name: string,
  { classes, cells }: Extract<StageReport, { kind: "confusion" }>,
  width: number,
  most: number,
): string {
  const wrong = cells.filter(([truth, taken]) => truth !== taken).sort((a, b) => b[2] - a[2]);
  const total = cells.reduce((sum, [, , n]) => sum + n, 0);
  const missed = wrong.reduce((sum, [, , n]) => sum + n, 0);
  if (missed === 0) return `${name}: no query of ${count(total)} was taken for another class`;
  const queries = new Map<number, number>();
  for (const [truth, , n] of cells) queries.set(truth, (queries.get(truth) ?? 0) + n);
  const rows = wrong
    .slice(0, most)
    .map(([truth, taken, n]) => [
      classes[truth] ?? "",
      classes[taken] ?? "",
      count(n),
      `${percent(n / (queries.get(truth) ?? n), 1)} %`,
    ]);
  const head = `${name}: ${count(missed)} of ${plural(total, "query", "queries")} taken for another class, most often`;
  return `${wrap(head, Math.min(80, width)).join("\n")}\n${table(["class", "taken for", "times", "of its queries"], rows, { align: ["left", "left", "right", "right"], indent: 2, width })}`;
}
