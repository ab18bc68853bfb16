/** The initial values of learned values: a number, or a draw such as `normal(0.1)`. */
import type * as ast from "../../../../grammar/ast.js";
import type { Axis, Initializer } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { describe } from "../core/values.js";
import { matchArguments } from "./arguments.js";
import { ownsSize, writtenSize } from "./axis-sizes.js";
import { evaluate } from "./evaluate.js";

/** A start with the axis that its numbers index, if they are labels. */
export interface Start {
  readonly init: Initializer;
  readonly of?: Axis;
}

const parameters: Readonly<Record<Initializer["kind"], readonly string[]>> = {
  normal: ["std", "mean"],
  uniform: ["low", "high"],
  constant: ["value"],
  signs: [],
  labels: ["axis"],
};

export function isInitializer(name: string): name is Initializer["kind"] {
  return Object.hasOwn(parameters, name);
}

/** Returns the initial value that is written, or undefined after it has reported FSL3009 or FSL3008. */
export function elaborateInitializer(expr: ast.Expr, scope: Scope): Start | undefined {
  if (expr.kind === "call" && expr.callee.kind === "ref" && isInitializer(expr.callee.text)) {
    if (expr.callee.text === "labels") return labelsOf(expr, scope);
    const init = initializerCall(expr.callee.text, expr.args, scope);
    return init && { init };
  }
  const value = evaluate(expr, scope);
  if (value.kind === "int" || value.kind === "real") return { init: { kind: "constant", value: value.value } };
  if (value.kind !== "anything") {
    scope.checker.report("FSL3009", expr.span, {
      what: "an initial value",
      expected: "a number, `normal(std)`, `uniform(low, high)`, `signs()`, `labels(axis: 8)` or a module",
      found: describe(value),
    });
  }
  return undefined;
}

/** Returns random labels: `labels(sketch: 512)` indexes an axis of its own, `labels(channel)` one that is known. */
function labelsOf(expr: ast.CallExpr, scope: Scope): Start | undefined {
  const { frame, checker } = scope;
  const [arg, ...more] = expr.args;
  const name = arg?.name ?? (arg?.value.kind === "ref" ? arg.value : undefined);
  if (arg === undefined || name === undefined || more.length > 0) {
    const found = arg === undefined ? "nothing" : more.length > 0 ? `${expr.args.length} arguments` : "an expression";
    const what = "what `labels` takes";
    checker.report("FSL3009", expr.span, { what, expected: "an axis, such as `sketch: 512`", found });
    return undefined;
  }
  if (arg.name !== undefined && frame !== undefined && !ownsSize(name.text, name.span, frame, scope)) return undefined;
  const size =
    arg.name === undefined
      ? frame?.known(name.text)?.size
      : writtenSize(name.text, evaluate(arg.value, scope), arg.value.span, scope);
  if (size === undefined) {
    if (arg.name === undefined) checker.report("FSL3007", name.span, { axis: name.text });
    return undefined;
  }
  frame?.defineAxis(name.text, size);
  return { init: { kind: "labels", count: size }, of: { name: name.text, size } };
}

function initializerCall(
  kind: Exclude<Initializer["kind"], "labels">,
  args: readonly ast.Argument[],
  scope: Scope,
): Initializer | undefined {
  const numbers: Record<string, number> = {};
  for (const [name, expr] of matchArguments(parameters[kind], args, `\`${kind}\``, scope)) {
    const number = evaluateNumber(expr, scope);
    if (number === undefined) return undefined;
    numbers[name] = number;
  }
  switch (kind) {
    case "normal":
      return { kind, mean: numbers["mean"] ?? 0, std: numbers["std"] ?? 1 };
    case "uniform":
      return { kind, low: numbers["low"] ?? 0, high: numbers["high"] ?? 1 };
    case "constant":
      return { kind, value: numbers["value"] ?? 0 };
    case "signs":
      return { kind };
    default:
      return kind satisfies never;
  }
}

function evaluateNumber(expr: ast.Expr, scope: Scope): number | undefined {
  const value = evaluate(expr, scope);
  if (value.kind === "int" || value.kind === "real") return value.value;
  if (value.kind !== "anything") {
    scope.checker.report("FSL3008", expr.span, { what: "an argument of an initial value", found: describe(value) });
  }
  return undefined;
}
