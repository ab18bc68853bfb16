/** Elaborates a metric for one task and one encoder: learned values, fits and entries, with the size of every axis. */
import type * as ast from "../../../../grammar/ast.js";
import { suggestNearest } from "../../../common/did-you-mean.js";
import type { Entry, Metric } from "../../typed/tree.js";
import type { MetricValue } from "../core/values.js";
import { withDefaults } from "../expressions/arguments.js";
import { elaborateEntry } from "./entries.js";
import { isClassify } from "./entry-scope.js";
import { elaborateFit } from "./fits.js";
import { LearnedValues } from "./learned-values.js";
import { checkLikeUses } from "./like-uses.js";
import { layerAxes, type MetricContext, metricFrame } from "./metric-context.js";

/** Returns the metric, or undefined after it has reported what is wrong. `at` is where the metric is used. */
export function elaborateMetric(value: MetricValue, context: MetricContext, at: ast.Span): Metric | undefined {
  const { decl } = value;
  const { checker } = value.scope;
  const before = checker.errors;
  const scope = withDefaults(decl, value.scope, at).child(metricFrame(context, "metric"));
  for (const fn of decl.fns) scope.define(fn.name.text, { kind: "fn", decl: fn, scope, span: fn.name.span });
  const learned = new LearnedValues(scope, context, () => layerAxes(context));
  for (const learn of decl.learns) learned.declare(learn);
  const fits = decl.fits.flatMap((fit) => elaborateFit(fit, scope, context) ?? []);
  const entries: Record<string, Entry> = Object.fromEntries(
    decl.entries.flatMap((entry) => {
      const typed = elaborateEntry(entry, scope, context, learned.sized);
      return typed === undefined ? [] : [[entry.name.text, typed] as const];
    }),
  );
  if (!decl.entries.some(isClassify)) {
    const what = `the metric \`${decl.name.text}\` has no \`classify\` entry`;
    const names = decl.entries.map((entry) => entry.name.text);
    checker.report("FSL3024", decl.name.span, { what }, { help: suggestNearest("classify", names) });
  }
  if (checker.errors > before) return undefined;
  const learns = learned.typed();
  checkLikeUses(Object.values(entries), learns, checker);
  return checker.errors > before ? undefined : { name: decl.name.text, learns, fits, entries };
}
