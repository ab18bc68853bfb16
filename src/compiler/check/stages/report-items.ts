/** The items of `report` lines, which stages of all kinds have. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Task } from "../../typed/tree.js";
import type { Checker } from "../core/checker.js";
import { isReportName, stepReports } from "./report-names.js";

/** Returns the word that names a report, or undefined for anything else: `top(2)` is a call, and no report is one. */
export function reportName({ value }: ast.ReportItem): string | undefined {
  return value.kind === "ref" ? value.text : undefined;
}

/** Reports FSL5017 for an item that is none of the known reports, or FSL5031 if stages of another kind report it. */
export function reportUnknown({ value, span }: ast.ReportItem, known: readonly string[], checker: Checker): void {
  if (value.kind === "error") return;
  const called = value.kind === "call" && value.callee.kind === "ref" ? value.callee.text : "this";
  const name = value.kind === "ref" ? value.text : called;
  const elsewhere = reportedElsewhere(name);
  const isList = value.kind === "list" || value.kind === "tuple";
  const unknown = isList ? ["list them without brackets: `report accuracy, confusion`"] : suggest(name, known);
  if (elsewhere === undefined) checker.report("FSL5017", span, { name }, { help: unknown });
  else {
    const help = [`there are ${known.map((word) => `\`${word}\``).join(", ")}`];
    checker.report("FSL5031", span, { report: name, why: `only ${elsewhere} reports it` }, { help });
  }
}

/** Returns why a list of episodes cannot hold those of a task, or undefined if it can. */
export function whyNotListed({ unlabeled, dirichlet }: Task): string | undefined {
  if (dirichlet !== undefined) return "a list has the same number of queries of each class";
  return unlabeled === undefined ? undefined : "a list has no place for images without labels";
}

/** Returns the stages that report a word, or undefined if none do. */
function reportedElsewhere(name: string): string | undefined {
  if (name === "episodes") return "a stage with episodes";
  if (stepReports.some((word) => word === name)) return "a training";
  return isReportName(name) ? "an `evaluate`" : undefined;
}
