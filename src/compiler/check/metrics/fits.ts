/** Constants that a metric fits from base data: `fit center: vector from base: vector [item] { … }`. */
import type * as ast from "../../../../grammar/ast.js";
import type { Block, Expr, Fit } from "../../typed/tree.js";
import { sameAxes } from "../../typed/values.js";
import { finishedName, learnedName, walkExprs } from "../../typed/walk.js";
import type { Scope } from "../core/scope.js";
import { asTensor, show } from "../core/tensors.js";
import { anything } from "../core/values.js";
import { evaluateBlock } from "../expressions/blocks.js";
import { type MetricContext, metricFrame } from "./metric-context.js";
import { resolveParamType } from "./parameter-types.js";

/** Stands for the number of base images while it is unknown. It is a prime, so that nothing else has this size by chance. */
const unknownItems = 1009;

/** Returns the fit and defines its value in the scope of the metric. Returns undefined after a report. */
export function elaborateFit(fit: ast.FitDecl, metric: Scope, context: MetricContext): Fit | undefined {
  const { name, from } = fit;
  const frame = metricFrame(context, "fit");
  const scope = metric.child(frame);
  const sizes = new Map([["item", context.items ?? unknownItems]]);
  const input = from.type === undefined ? undefined : resolveParamType(from.type, context, sizes, scope);
  const promised = resolveParamType(fit.type, context, new Map(), scope);
  if (promised === undefined || input === undefined) {
    metric.define(name.text, anything(fit.span));
    return undefined;
  }
  const { form, type } = input;
  const images = from.name.text;
  scope.define(images, frame.tensor(from.span, type.kind, type.axes, { k: "param", name: images }, type.of));
  const value = evaluateBlock(fit.body, scope);
  const tensor = value.kind === "anything" ? undefined : asTensor(value, scope, fit.body.span);
  const fitted = metric.frame?.tensor(name.span, "real", promised.type.axes, { k: "fit", name: name.text });
  if (fitted !== undefined) metric.define(name.text, fitted);
  if (tensor === undefined) return undefined;
  const body = { statements: frame.statements, result: tensor.expr };
  if (readsNetworks(fit, body, metric)) return undefined;
  if (!sameAxes(tensor.expr.type.axes, promised.type.axes)) {
    metric.checker.report(
      "FSL3005",
      fit.body.result?.span ?? fit.body.span,
      { entry: name.text, promised: `\`${fit.type.name.text}\``, found: show(tensor.expr.type, frame) },
      { labels: [{ span: fit.type.span, text: "promised here" }] },
    );
    return undefined;
  }
  return { name: name.text, type: promised.type, input: { name: images, form, axes: type.axes }, body };
}

/** Returns whether a fit reads a learned value or a network of a stage, which base data alone do not give. Reports the first such read. */
function readsNetworks({ name }: ast.FitDecl, body: Block, { checker }: Scope): boolean {
  let first: { readonly read: string; readonly span: Expr["span"] } | undefined;
  walkExprs(body, (expr) => {
    const read = learnedName(expr) ?? finishedName(expr);
    if (read !== undefined) first ??= { read, span: expr.span };
  });
  if (first === undefined) return false;
  checker.report("FSL3036", first.span, { name: name.text, read: first.read });
  return true;
}
