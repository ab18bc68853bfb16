/** Constants that a metric fits from base data (rule 15). */
import type * as ast from "../../../../grammar/ast.js";
import type { Block, Expr, Fit } from "../../typed/tree.js";
import { learnedName, walkExprs } from "../../typed/walk.js";
import type { Scope } from "../core/scope.js";
import { asTensor, show } from "../core/tensors.js";
import { anything } from "../core/values.js";
import { evaluateBlock } from "../expressions/blocks.js";
import { type MetricContext, metricFrame, resolveParamType } from "./parameter-types.js";

/** Base images that a `fit` sees while nothing is known of them: a prime, so that nothing else has this size by chance. */
const unknownItems = 1009;

export function elaborateFit(fit: ast.FitDecl, metric: Scope, use: MetricContext): Fit | undefined {
  const frame = metricFrame(use, "fit", []);
  const scope = metric.child(frame);
  const sizes = new Map([["item", use.items ?? unknownItems]]);
  const type = fit.from.type === undefined ? undefined : resolveParamType(fit.from.type, use, sizes, scope);
  const result = resolveParamType(fit.type, use, new Map(), scope);
  if (result === undefined || type === undefined) {
    metric.define(fit.name.text, anything(fit.span));
    return undefined;
  }
  const input = fit.from.name.text;
  scope.define(
    input,
    frame.make(fit.from.span, type.type.kind, type.type.axes, { k: "param", name: input }, type.type.of),
  );
  const value = evaluateBlock(fit.body, scope);
  const tensor = value.kind === "anything" ? undefined : asTensor(value, scope, fit.body.span);
  const outside = metric.frame;
  if (outside !== undefined) {
    metric.define(
      fit.name.text,
      outside.make(fit.name.span, "real", result.type.axes, { k: "fit", name: fit.name.text }),
    );
  }
  if (tensor === undefined) return undefined;
  const body = { statements: frame.statements, result: tensor.expr };
  if (readsLearned(fit, body, metric)) return undefined;
  const same =
    tensor.expr.type.axes.length === result.type.axes.length &&
    tensor.expr.type.axes.every((axis) =>
      result.type.axes.some((other) => other.name === axis.name && other.size === axis.size),
    );
  if (!same) {
    metric.checker.report(
      "FSL3005",
      fit.body.result?.span ?? fit.body.span,
      {
        entry: fit.name.text,
        promised: `\`${fit.type.name.text}\``,
        found: show(tensor.expr.type, frame),
      },
      { labels: [{ span: fit.type.span, text: "promised here" }] },
    );
    return undefined;
  }
  return {
    name: fit.name.text,
    type: result.type,
    input: { name: input, form: type.form, axes: type.type.axes },
    body,
  };
}

/** Whether a fit reads what is learned, which is not known where base data alone are; the first place is reported. */
function readsLearned({ name }: ast.FitDecl, body: Block, { checker }: Scope): boolean {
  let first: { readonly read: string; readonly span: Expr["span"] } | undefined;
  walkExprs(body, (expr) => {
    const read = learnedName(expr);
    if (read !== undefined) first ??= { read, span: expr.span };
  });
  if (first === undefined) return false;
  checker.report("FSL3036", first.span, { name: name.text, read: first.read });
  return true;
}
