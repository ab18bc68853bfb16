/** A call of a built-in: its arguments and clauses brought into the shape that its rule expects. */
import type * as ast from "../../../../../grammar/ast.js";
import { suggest } from "../../../../common/did-you-mean.js";
import type { Axis } from "../../../typed/tree.js";
import type { Frame } from "../../core/frame.js";
import type { Scope } from "../../core/scope.js";
import { asNumbers, asTensor, frameOf, missingAxis } from "../../core/tensors.js";
import { anything, type TensorValue, type Value } from "../../core/values.js";
import { matchArguments, were } from "../arguments.js";
import { clauseOf, refuseClauses } from "../calls.js";
import { evaluate } from "../evaluate.js";
import { builtinOf } from "./table.js";

/** An axis named in a call, after the function's axis parameters have been replaced. */
export interface NamedAxis {
  readonly name: string;
  readonly span: ast.Span;
}

export interface BuiltinCall {
  readonly name: string;
  readonly span: ast.Span;
  readonly scope: Scope;
  /** Undefined outside methods and losses, where only static values exist. */
  readonly frame: Frame | undefined;
  readonly args: readonly { readonly value: Value; readonly span: ast.Span }[];
  /** Axes given as arguments. */
  readonly axes: readonly NamedAxis[];
  readonly over: readonly NamedAxis[];
  readonly overSpan: ast.Span;
  readonly along: readonly NamedAxis[];
  readonly as: readonly NamedAxis[];
}

export function callBuiltin(name: string, expr: ast.CallExpr, scope: Scope): Value {
  const builtin = builtinOf(name);
  const { checker, frame } = scope;
  const { span } = expr;
  if (builtin === undefined) return anything(span);
  const callee = `\`${name}\``;
  const words = (["over", "along", "as"] as const).filter((word) => builtin[word] !== undefined);
  refuseClauses(expr, words, callee, scope);
  const named = (axes: readonly ast.AxisRef[]): NamedAxis[] =>
    axes.map((axis) => ({ name: frame === undefined ? axis.text : frame.axis(axis.text), span: axis.span }));
  const clauses = { over: [] as NamedAxis[], along: [] as NamedAxis[], as: [] as NamedAxis[] };
  let complete = true;
  for (const word of words) {
    const clause = clauseOf(expr, word);
    const wanted = builtin[word];
    clauses[word] = named(clause?.axes ?? []);
    const found = clauses[word].length;
    if (wanted === "maybe") continue;
    if (found === 0 || (wanted === "one" && found > 1)) {
      const needs = wanted === "one" ? `\`${word}\` and one axis` : `\`${word}\` and its axes`;
      checker.report(
        "FSL3013",
        clause?.span ?? span,
        { callee, clause: needs },
        { help: [`it reads \`${builtin.usage}\``] },
      );
      complete = false;
    }
  }
  const axes: NamedAxis[] = [];
  const values: ast.Argument[] = [];
  for (const [at, arg] of expr.args.entries()) {
    const isAxes = builtin.takesAxes || (builtin.lastIsAxes && at === builtin.params.length - 1);
    if (!isAxes) values.push(arg);
    else {
      const listed = axisNames(arg.value);
      if (listed === undefined) {
        checker.report(
          "FSL3009",
          arg.span,
          { what: `this argument of ${callee}`, expected: "an axis", found: "an expression" },
          {
            help: [`it reads \`${builtin.usage}\``],
          },
        );
        complete = false;
      } else
        axes.push(
          ...listed.map((axis) => ({ name: frame === undefined ? axis.name : frame.axis(axis.name), span: axis.span })),
        );
    }
  }
  const variadic = builtin.params.at(-1) === "…";
  const wanted = builtin.params.filter((param) => param !== "…");
  const wantedValues = builtin.takesAxes ? [] : builtin.lastIsAxes ? wanted.slice(0, -1) : wanted;
  const wantedAxes = builtin.takesAxes ? wanted.length : builtin.lastIsAxes ? 1 : 0;
  const args: { value: Value; span: ast.Span }[] = [];
  if (variadic) {
    for (const arg of values) args.push({ value: evaluate(arg.value, scope), span: arg.value.span });
  } else {
    const given = matchArguments(wantedValues, values, callee, scope);
    for (const param of wantedValues) {
      const value = given.get(param);
      if (value !== undefined) args.push({ value: evaluate(value, scope), span: value.span });
    }
  }
  if (
    args.length < wantedValues.length ||
    (variadic ? axes.length < wantedAxes : builtin.takesAxes ? axes.length !== wantedAxes : axes.length < wantedAxes)
  ) {
    const needed = wanted.length;
    if (complete) {
      checker.report(
        "FSL2015",
        span,
        {
          callee,
          expected: `${needed} argument${needed === 1 ? "" : "s"}`,
          found: were(expr.args.length),
        },
        { help: [`it reads \`${builtin.usage}\``] },
      );
    }
    return anything(span);
  }
  if (!complete || args.some((arg) => arg.value.kind === "anything")) return anything(span);
  const overSpan = clauseOf(expr, "over")?.span ?? span;
  return builtin.rule({ name, span, scope, frame, args, axes, overSpan, ...clauses });
}

function axisNames(expr: ast.Expr): NamedAxis[] | undefined {
  if (expr.kind === "ref") return [{ name: expr.text, span: expr.span }];
  if (expr.kind !== "list") return undefined;
  const names: NamedAxis[] = [];
  for (const item of expr.items) {
    if (item.kind !== "ref") return undefined;
    names.push({ name: item.text, span: item.span });
  }
  return names;
}

/** The nth argument as numbers, with the frame; undefined where that has been reported. */
export function numbers(call: BuiltinCall, at: number): TensorValue | undefined {
  const arg = call.args[at];
  return arg === undefined ? undefined : asNumbers(arg.value, call.scope, arg.span);
}
export function tensor(call: BuiltinCall, at: number): TensorValue | undefined {
  const arg = call.args[at];
  return arg === undefined ? undefined : asTensor(arg.value, call.scope, arg.span);
}
export function frameOfCall(call: BuiltinCall): Frame | undefined {
  return frameOf(call.scope, call.span, `a call of \`${call.name}\``);
}

/** An axis whose size something has fixed; undefined, and reported, where nothing has. */
export function knownAxis(call: BuiltinCall, { name, span }: NamedAxis, frame: Frame): Axis | undefined {
  const known = frame.known(name);
  if (known === undefined) unknownAxis(call, { name, span }, frame);
  return known && { name, size: known.size };
}

/** All of them, or undefined at the first whose size nothing has fixed. */
export function knownAxes(call: BuiltinCall, named: readonly NamedAxis[], frame: Frame): Axis[] | undefined {
  const axes: Axis[] = [];
  for (const one of named) {
    const axis = knownAxis(call, one, frame);
    if (axis === undefined) return undefined;
    axes.push(axis);
  }
  return axes;
}

export function unknownAxis({ scope }: BuiltinCall, { name, span }: NamedAxis, frame: Frame): void {
  scope.checker.report("FSL3007", span, { axis: name }, { help: suggest(name, frame.knownNames()) });
}

/** The names after `over`, each an axis of the value; `all` is every axis. Undefined where one is missing. */
export function overOf(call: BuiltinCall, value: TensorValue, frame: Frame): string[] | undefined {
  const names: string[] = [];
  for (const axis of call.over) {
    if (axis.name === "all") return value.expr.type.axes.map((known) => known.name);
    if (!value.expr.type.axes.some((known) => known.name === axis.name)) {
      missingAxis(axis.name, value, axis.span, call.scope, frame);
      return undefined;
    }
    names.push(axis.name);
  }
  return names;
}
