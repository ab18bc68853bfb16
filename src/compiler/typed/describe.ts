/** Describes tasks and reports in the words of the language. */
import type { Report, Task, TrainingReport } from "./tree.js";

/** Returns a text such as `5-way 1-shot, 15 queries a class`. */
export function taskText(t: Task): string {
  const base = `${t.way}-way ${t.shot}-shot, ${t.query} ${t.query === 1 ? "query" : "queries"} a class`;
  if (t.dirichlet !== undefined) return `${base} on average (Dirichlet ${t.dirichlet})`;
  if (t.unlabeled === undefined) return base;
  const distractors =
    t.distractor === undefined ? "" : ` and of ${t.distractor} other class${t.distractor === 1 ? "" : "es"}`;
  return `${base}, ${t.unlabeled} unlabeled of each${distractors}`;
}

/** Returns a count with its unit as experiments write it: `1 shot`, `5 shot`, `60 episodes`. */
export function countText(count: number | string, unit: string): string {
  const isOne = Number(count) === 1 || unit === "way" || unit === "shot" || unit === "query";
  return `${count} ${unit}${isOne ? "" : "s"}`;
}

/** Returns the word of a `report` line: `accuracy`, `top3`. */
export const reportText = (r: Report): string => (r.kind === "top" ? `top${r.k}` : r.kind);

/** Returns the words of a `report` line of a training: `weights every 10 steps`. */
export function trainingReportText(report: TrainingReport): string {
  if (report.kind === "episodes" || report.every === undefined) return report.kind;
  return report.every === 1 ? `${report.kind} every step` : `${report.kind} every ${report.every} steps`;
}
