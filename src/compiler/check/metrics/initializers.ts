/** The initial values of learned values: a number, or a draw such as `normal(0.1)`. */
import type * as ast from "../../../../grammar/ast.js";
import type { Initializer } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { describe } from "../core/values.js";
import { matchArguments } from "../expressions/arguments.js";
import { evaluate } from "../expressions/evaluate.js";

const parameters: Readonly<Record<Initializer["kind"], readonly string[]>> = {
  normal: ["std", "mean"],
  uniform: ["low", "high"],
  constant: ["value"],
};

export function isInitializer(name: string): name is Initializer["kind"] {
  return Object.hasOwn(parameters, name);
}

/** Returns the initial value that is written, or undefined after it has reported FSL3009 or FSL3008. */
export function elaborateInitializer(expr: ast.Expr, scope: Scope): Initializer | undefined {
  if (expr.kind === "call" && expr.callee.kind === "ref" && isInitializer(expr.callee.text)) {
    return initializerCall(expr.callee.text, expr.args, scope);
  }
  const value = evaluate(expr, scope);
  if (value.kind === "int" || value.kind === "real") return { kind: "constant", value: value.value };
  if (value.kind !== "anything") {
    scope.checker.report("FSL3009", expr.span, {
      what: "an initial value",
      expected: "a number, `normal(std)`, `uniform(low, high)` or a module",
      found: describe(value),
    });
  }
  return undefined;
}

function initializerCall(
  kind: Initializer["kind"],
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
