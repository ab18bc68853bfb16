/** The base data that the fitted values of a metric are fitted from: `fit from birds.train`. */
import type { Blocker, Description, SplitRef } from "../../typed/tree.js";
import { type Reported, reported } from "../core/reported.js";
import { createBlocker } from "./blockers.js";
import type { MetricSlot, StageContext } from "./context.js";
import { isNotTestSplit, type ResolvedSplit, resolveSplit } from "./splits.js";
import { findLine } from "./stage-lines.js";

export interface FitSource extends ResolvedSplit {
  /** The number of images, or undefined if the data are not available. */
  readonly items: number | undefined;
  readonly classes: number | undefined;
  readonly descriptions: readonly Description[];
}

/** Returns the split of the stage's `fit from` line, or undefined without such a line. */
export function resolveFitSource(context: StageContext): FitSource | Reported | undefined {
  const written = findLine(context.lines, "fit from", "fitFrom");
  if (written === undefined) return undefined;
  const from = resolveSplit(written.line.split, written.scope, context.datasets);
  if (from === undefined || !isNotTestSplit(from, "fit from", context)) return reported;
  const facts = from.dataset.facts?.splits[from.split.split];
  const descriptions = from.dataset.descriptions ?? [];
  return { ...from, items: facts?.images, classes: facts?.classes, descriptions };
}

/**
 * Returns whether a metric with fitted values has data for them. Reports FSL5026 if it has none. Warns (FSL2007) of a
 * `fit from` line that nothing is fitted from, unless the stage has it from `like`.
 */
export function checkFitSource(context: StageContext, metric: MetricSlot, source: FitSource | undefined): boolean {
  const { fits, name } = metric.value;
  const written = findLine(context.lines, "fit from", "fitFrom");
  if (fits.length === 0 && written !== undefined && context.decl.lines.includes(written.line))
    written.scope.checker.report("FSL2007", written.line.span, { name: "fit from" });
  if (fits.length === 0 || source !== undefined) return true;
  const names = fits.flatMap((fit) => fit.values.map((value) => `\`${value.name}\``)).join(", ");
  context.scope.checker.report("FSL5026", metric.span, { metric: name, names });
  return false;
}

/** Returns the split for the typed tree, which has it only if something is fitted. */
export function storedFitSource({ value }: MetricSlot, source: FitSource | undefined): { readonly fitFrom?: SplitRef } {
  return source === undefined || value.fits.length === 0 ? {} : { fitFrom: source.split };
}

/** Returns a blocker if something is fitted from data that are not available. */
export function fitBlockers({ value }: MetricSlot, source: FitSource | undefined): Blocker[] {
  if (source === undefined || source.items !== undefined || value.fits.length === 0) return [];
  const what = "how many images there are to fit from";
  return [createBlocker("FSL5109", source.split.span, { dataset: source.dataset.name, what })];
}
