/** The words of a `report` line. */
import type { Report, StepReport } from "../../typed/tree.js";

/** The words that an evaluation reports, beside `top2`, `top3`, … */
export const reportNames = [
  "accuracy",
  "accuracy_disjoint",
  "confusion",
  "per_class",
  "f1",
  "class_mean",
  "harmonic",
  "logits",
  "logits_json",
  "episodes",
] as const satisfies readonly Exclude<Report["kind"], "top">[];

/** The words that every training reports. */
export const stepReports: readonly StepReport[] = ["weights", "gradients", "images"];

/** Returns whether an evaluation reports a word. */
export function isReportName(word: string): boolean {
  return /^top\d+$/.test(word) || reportNames.some((name) => name === word);
}
