/** What a metric needs beside its task: data to fit, and values that a stage has trained. */
import type * as ast from "../../../../grammar/ast.js";
import { lineOf } from "../lines.js";
import type { Filled, MetricSlot } from "../slots.js";
import type { StageContext } from "./context.js";
import { notTest, splitOf } from "./episodes.js";

/** `fit from birds.train`, where the metric has fits (rule 15). */
export function fitsFrom(context: StageContext, metric: MetricSlot): boolean {
  const written = lineOf(context.lines, "fit from", "fitFrom");
  const { fits, name } = metric.value;
  if (written === undefined) {
    if (fits.length === 0) return true;
    context.scope.checker.report("FSL5026", metric.span, {
      metric: name,
      names: fits.map((fit) => `\`${fit.name}\``).join(", "),
    });
    return false;
  }
  const from = splitOf(written.line.split, written.scope, context.datasets);
  return from !== undefined && notTest(from, "fit from", context);
}

/** Evaluating values that no stage has trained measures nothing (rule 23). */
export function hasTrained(metric: MetricSlot, fill: Filled, decl: ast.StageDecl): boolean {
  const { learns, name } = metric.value;
  if (learns.length === 0 || metric.trained || fill.line?.untrained === true) return true;
  fill.scope.checker.report("FSL5012", fill.span, {
    slot: "metric",
    name,
    stage: decl.name.text,
    names: learns.map((learn) => `\`${learn.name}\``).join(", "),
  });
  return false;
}
