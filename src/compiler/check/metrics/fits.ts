/** Values that a metric fits from base data: `fit V [feature, tag] from x: vector [item], y: class [item], about: tag [class] { … }`. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Axis, EntryParam, Expr, Fit, FittedValue } from "../../typed/tree.js";
import { sameAxes } from "../../typed/values.js";
import { finishedName, learnedName, walkExprs } from "../../typed/walk.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { asTensor, show } from "../core/tensors.js";
import { anything, type Value } from "../core/values.js";
import { evaluateBlock } from "../expressions/blocks.js";
import { type MetricContext, metricFrame } from "./metric-context.js";
import { type ParamPlace, resolveParamType } from "./parameter-types.js";

/** They stand for the number of base images and classes while these are unknown. They are primes, so that nothing else has their sizes by chance. */
const unknownItems = 1009;
const unknownClasses = 89;

/** The most numbers in a fitted value: 256 MiB of f32. */
const mostNumbers = 2 ** 26;

/** Returns the fit and defines its values in the scope of the metric. Returns undefined after a report. */
export function elaborateFit(fit: ast.FitDecl, metric: Scope, context: MetricContext): Fit | undefined {
  const frame = metricFrame({ ...context, descriptions: context.base?.descriptions ?? [] }, "fit");
  const scope = metric.child(frame);
  const item: Axis = { name: "item", size: context.base?.items ?? unknownItems };
  const classes: Axis = { name: "class", size: context.base?.classes ?? unknownClasses };
  frame.giveAxes([item, classes]);
  const sizes = new Map([item, classes].map(({ name, size }) => [name, size]));
  const place: ParamPlace = { sizes, classes, descriptions: context.base?.descriptions ?? [] };
  const inputs = fit.from.map((param) => declareInput(param, place, context, scope));
  const promised = fit.values.map((value) => promisedAxes(value, place, context, scope));
  const given = evaluateBlock(fit.body, scope);
  for (const [i, { name, span }] of fit.values.entries()) {
    const axes = promised[i];
    const node = { k: "fit", name: name.text } as const;
    const value = axes === undefined ? undefined : metric.frame?.tensor(name.span, "real", axes, node);
    metric.define(name.text, value ?? anything(span));
  }
  const results = resultsOf(fit, given, metric);
  if (results === undefined || inputs.includes(undefined) || promised.includes(undefined)) return undefined;
  const values = fit.values.flatMap((value, i) => {
    const fitted = fittedValue(value, { value: results[i], axes: promised[i] }, fit, { frame, scope });
    return fitted ?? [];
  });
  if (values.length < fit.values.length) return undefined;
  const typed: Fit = { values, inputs: inputs as readonly EntryParam[], statements: frame.statements };
  return readsLearned(fit, typed, metric) ? undefined : typed;
}

function declareInput(
  param: ast.Parameter,
  place: ParamPlace,
  context: MetricContext,
  scope: Scope,
): EntryParam | undefined {
  const name = param.name.text;
  const resolved = param.type === undefined ? undefined : resolveParamType(param.type, context, place, scope);
  if (resolved === undefined) {
    if (param.type === undefined) {
      const what = `the base data \`${name}\` have no type`;
      scope.checker.report("FSL3024", param.span, { what }, { help: [`write \`${name}: vector [item]\``] });
    }
    scope.define(name, anything(param.span));
    return undefined;
  }
  const { form, type, description, outer } = resolved;
  scope.define(
    name,
    scope.frame?.tensor(param.span, type.kind, type.axes, { k: "param", name }, type.of) ?? anything(param.span),
  );
  if (description === undefined && (outer.length !== 1 || outer[0]?.name !== "item")) {
    const what = `\`${name}\` goes along the base images, so its axis is \`item\``;
    scope.checker.report("FSL3024", param.span, { what }, { help: [`write \`${name}: ${form} [item]\``] });
    return undefined;
  }
  return { name, form, axes: type.axes, ...(description === undefined ? {} : { description }) };
}

/** Returns the axes that a fitted value must have. Reports FSL3007 for an unknown one, and FSL5073 for one that changes with the task or a value that is too large. */
function promisedAxes(
  { name, type, axes = [], span }: ast.FittedName,
  place: ParamPlace,
  context: MetricContext,
  scope: Scope,
): readonly Axis[] | undefined {
  const { checker, frame } = scope;
  if (type !== undefined) return resolveParamType(type, context, place, scope)?.type.axes;
  const found: Axis[] = [];
  for (const axis of axes) {
    const known = frame?.known(axis.text);
    if (known === undefined) {
      checker.report(
        "FSL3007",
        axis.span,
        { axis: axis.text },
        { help: suggest(axis.text, frame?.axisNamesInScope() ?? []) },
      );
      return undefined;
    }
    if (["way", "shot", "query"].includes(axis.text.replace(/'+$/, ""))) {
      const why = `the axis \`${axis.text}\` changes from task to task`;
      checker.report("FSL5073", axis.span, { name: name.text, why });
      return undefined;
    }
    if (found.some((other) => other.name === axis.text)) {
      checker.report("FSL3003", axis.span, { axis: axis.text });
      return undefined;
    }
    found.push({ name: axis.text, size: known.size });
  }
  const numbers = found.reduce((product, { size }) => product * size, 1);
  if (context.generic || numbers <= mostNumbers) return found;
  const why = `it has ${numbers} numbers, and at most ${mostNumbers} are kept`;
  checker.report("FSL5073", span, { name: name.text, why });
  return undefined;
}

/** Returns one value for each name, or undefined after a report. */
function resultsOf(fit: ast.FitDecl, given: Value, { checker }: Scope): readonly Value[] | undefined {
  if (given.kind === "anything") return undefined;
  const results = given.kind === "tuple" ? given.items : [given];
  if (results.length === fit.values.length) return results;
  const names = fit.values.map(({ name }) => name.text).join(", ");
  const why = `it needs as many values as names: \`(${names})\``;
  checker.report("FSL5073", fit.body.result?.span ?? fit.body.span, { name: names, why });
  return undefined;
}

function fittedValue(
  { name, type, span }: ast.FittedName,
  { value, axes }: { readonly value: Value | undefined; readonly axes: readonly Axis[] | undefined },
  fit: ast.FitDecl,
  { frame, scope }: { readonly frame: Frame; readonly scope: Scope },
): FittedValue | undefined {
  const at = fit.body.result?.span ?? fit.body.span;
  const tensor = value === undefined || value.kind === "anything" ? undefined : asTensor(value, scope, at);
  if (tensor === undefined || axes === undefined) return undefined;
  if (sameAxes(tensor.expr.type.axes, axes))
    return { name: name.text, type: { kind: "real", axes }, result: tensor.expr };
  const promised = type === undefined ? show({ kind: "real", axes }, frame) : `\`${type.name.text}\``;
  const holes = { entry: name.text, promised, found: show(tensor.expr.type, frame) };
  scope.checker.report("FSL3005", at, holes, { labels: [{ span: type?.span ?? span, text: "promised here" }] });
  return undefined;
}

/** Returns whether a fit reads a learned value or a network of a stage, which base data alone do not give. Reports the first such read. */
function readsLearned({ values: [value] }: ast.FitDecl, { statements, values }: Fit, { checker }: Scope): boolean {
  let first: { readonly read: string; readonly span: Expr["span"] } | undefined;
  for (const { result } of values) {
    walkExprs({ statements, result }, (expr) => {
      const read = learnedName(expr) ?? finishedName(expr);
      if (read !== undefined) first ??= { read, span: expr.span };
    });
  }
  if (first === undefined) return false;
  checker.report("FSL3036", first.span, { name: value?.name.text ?? "", read: first.read });
  return true;
}
