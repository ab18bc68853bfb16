/** The words of a `report` line. */
import type { Report } from "../../typed/tree.js";

export const reportNames = [
  "accuracy",
  "accuracy_disjoint",
  "confusion",
  "per_class",
  "logits",
  "logits_json",
  "episodes",
] as const satisfies readonly Exclude<Report["kind"], "top">[];

export function isReportName(word: string): boolean {
  return /^top\d+$/.test(word) || reportNames.some((name) => name === word);
}
