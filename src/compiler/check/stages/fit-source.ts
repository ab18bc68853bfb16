/** What a metric needs beside its task: data to fit, and values that a stage has trained. */
import type { Blocker, Dataset, SplitRef } from "../../typed/tree.js";
import { type Reported, reported } from "../core/reported.js";
import { createBlocker } from "./blockers.js";
import type { StageContext } from "./context.js";
import { isNotTestSplit, resolveSplit } from "./episode-source.js";
import type { MetricSlot, SlotSource } from "./slots.js";
import { findLine } from "./stage-lines.js";
import { startsFromFile } from "./weight-files.js";

/** What `fit from birds.train` names (rule 15). */
export interface FitSource {
  readonly split: SplitRef;
  readonly dataset: Dataset;
  /** How many images there are; undefined where the data are not here. */
  readonly items: number | undefined;
}

/** The stage's `fit from` line, undefined where it has none. */
export function resolveFitSource(context: StageContext): FitSource | Reported | undefined {
  const written = findLine(context.lines, "fit from", "fitFrom");
  if (written === undefined) return undefined;
  const from = resolveSplit(written.line.split, written.scope, context.datasets);
  if (from === undefined || !isNotTestSplit(from, "fit from", context)) return reported;
  return { ...from, items: from.dataset.facts?.splits[from.split.split]?.images };
}

/** Whether a metric with fits has what they are fitted from. Warns of a line of the stage's own that fits nothing. */
export function checkFitSource(context: StageContext, metric: MetricSlot, source: FitSource | undefined): boolean {
  const { fits, name } = metric.value;
  const written = findLine(context.lines, "fit from", "fitFrom");
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
export function storedFitSource(metric: MetricSlot, source: FitSource | undefined): { readonly fitFrom?: SplitRef } {
  return source === undefined || metric.value.fits.length === 0 ? {} : { fitFrom: source.split };
}

/** A value can be fitted only from data that are here. */
export function fitBlockers(metric: MetricSlot, source: FitSource | undefined): Blocker[] {
  if (source === undefined || source.items !== undefined || metric.value.fits.length === 0) return [];
  const what = "how many images there are to fit from";
  return [createBlocker("FSL5109", source.split.span, { dataset: source.dataset.name, what })];
}

/** Evaluating values that no stage has trained measures nothing (rule 23). */
export function checkTrained(metric: MetricSlot, fill: SlotSource, context: StageContext): boolean {
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
