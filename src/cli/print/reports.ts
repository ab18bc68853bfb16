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
  return report.kind === "per_class" ? perClass(name, report, width, most) : confusion(name, report, width, most);
}

function perClass(
  name: string,
  { classes }: Extract<StageReport, { kind: "per_class" }>,
  width: number,
  most: number,
): string {
  const sorted = [...classes].sort((a, b) => a.accuracy - b.accuracy);
  const row = (c: (typeof classes)[number]) => [c.name, `${percent(c.accuracy, 1)} %`, count(c.queries)];
  const all = sorted.length <= 2 * most;
  const shown = all ? sorted : [...sorted.slice(0, most), undefined, ...sorted.slice(-most)];
  const rows = shown.map((c) => (c === undefined ? ["…", "", ""] : row(c)));
  const which = all ? "" : `, the ${most} lowest and highest`;
  return `${name}: accuracy of ${plural(classes.length, "class", "classes")}${which}\n${table(
    ["class", "accuracy", "queries"],
    rows,
    { align: ["left", "right", "right"], indent: 2, width },
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
