/** What a metric needs beside its task: data to fit, and values that a stage has trained. */
import type { Blocker, Dataset, SplitRef } from "../../typed/tree.js";
import { blocker } from "./blockers.js";
import type { StageContext } from "./context.js";
import { notTest, splitOf } from "./episodes.js";
import { startsFromFile } from "./init.js";
import { lineOf } from "./lines.js";
import type { Filled, MetricSlot } from "./slots.js";

/** What `fit from birds.train` names (rule 15). */
export interface FitSource {
  readonly split: SplitRef;
  readonly dataset: Dataset;
  /** How many images there are; undefined where the data are not here. */
  readonly items: number | undefined;
}

/** The stage's `fit from` line, undefined where it has none. */
export function fitSource(context: StageContext): FitSource | "wrong" | undefined {
  const written = lineOf(context.lines, "fit from", "fitFrom");
  if (written === undefined) return undefined;
  const from = splitOf(written.line.split, written.scope, context.datasets);
  if (from === undefined || !notTest(from, "fit from", context)) return "wrong";
  return { ...from, items: from.dataset.facts?.splits[from.split.split]?.images };
}

/** Whether a metric with fits has what they are fitted from. Warns of a line of the stage's own that fits nothing. */
export function fitsFrom(context: StageContext, metric: MetricSlot, source: FitSource | undefined): boolean {
  const { fits, name } = metric.value;
  const written = lineOf(context.lines, "fit from", "fitFrom");
  if (fits.length === 0 && written !== undefined && context.decl.lines.includes(written.line))
    written.scope.checker.report("FSL2007", written.line.span, { name: "fit from" });
  if (fits.length === 0 || source !== undefined) return true;
  context.scope.checker.report("FSL5026", metric.span, {
    metric: name,
    names: fits.map((fit) => `\`${fit.name}\``).join(", "),
  });
  return false;
}

/** The split as a stage keeps it: only where something is fitted from it. */
export function fitOf(metric: MetricSlot, source: FitSource | undefined): { readonly fitFrom?: SplitRef } {
  return source === undefined || metric.value.fits.length === 0 ? {} : { fitFrom: source.split };
}

/** A value can be fitted only from data that are here. */
export function fitBlockers(metric: MetricSlot, source: FitSource | undefined): Blocker[] {
  if (source === undefined || source.items !== undefined || metric.value.fits.length === 0) return [];
  const what = "how many images there are to fit from";
  return [blocker("FSL5109", source.split.span, { dataset: source.dataset.name, what })];
}

/** Evaluating values that no stage has trained measures nothing (rule 23). */
export function hasTrained(metric: MetricSlot, fill: Filled, context: StageContext): boolean {
  const { learns, name } = metric.value;
  const { decl } = context;
  if (learns.length === 0 || metric.trained || fill.line?.untrained === true) return true;
  if (decl.stage === "evaluate" && startsFromFile(context, "metric")) return true;
  fill.scope.checker.report("FSL5012", fill.span, {
    slot: "metric",
    name,
    stage: decl.name.text,
    names: learns.map((learn) => `\`${learn.name}\``).join(", "),
  });
  return false;
}
