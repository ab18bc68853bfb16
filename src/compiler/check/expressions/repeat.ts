/** `repeat`: a loop with a bound that carries values from round to round. */
import type * as ast from "../../../../grammar/ast.js";
import type { Expr, Statement, ValueType } from "../../typed/tree.js";
import { sameAxes } from "../../typed/values.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { asNumbers, asTensor, requireFrame, show, showValue } from "../core/tensors.js";
import { anything, type Value } from "../core/values.js";
import { evaluateBlock } from "./blocks.js";
import { evaluate } from "./evaluate.js";

/** A name that the loop carries. `start` is undefined if its first value is wrong, which is reported. */
interface Carried {
  readonly name: ast.Name;
  readonly from: ast.Expr;
  readonly start: Start | undefined;
}
interface Start {
  readonly local: number;
  readonly type: ValueType;
  readonly value: Expr;
}

export function evaluateRepeat(statement: ast.RepeatStatement, scope: Scope): void {
  const frame = requireFrame(scope, statement.span, "`repeat`");
  const bound = wholeNumber(statement.count, scope, "the bound of a `repeat`");
  if (frame === undefined) return;
  const carried = statement.bindings.map(
    ({ name, from }): Carried => ({ name, from, start: startOf(from, scope, frame) }),
  );
  const inside: Statement[] = [];
  const body = scope.child(frame.inner(inside));
  const before = carried.map((each) => {
    const local = frame.newLocal();
    body.define(each.name.text, carriedValue(each, each.start?.local, frame));
    body.define(`${each.name.text}.before`, carriedValue(each, local, frame));
    return local;
  });
  const next = nextValues(evaluateBlock(statement.body, body), carried, statement.body, body, frame);
  // The loop's own scope holds its lets; `until` sees the carried values after the round.
  const until = statement.until === undefined ? undefined : condition(statement.until, body, frame);
  for (const each of carried) scope.define(each.name.text, carriedValue(each, each.start?.local, frame));
  const starts = carried.flatMap(({ start }) => start ?? []);
  if (bound === undefined || starts.length !== carried.length || next.length !== carried.length) return;
  frame.statements.push({
    kind: "repeat",
    bound,
    locals: starts.map(({ local }) => local),
    before,
    from: starts.map(({ value }) => value),
    body: inside,
    next,
    until,
    span: statement.span,
  });
}

function startOf(from: ast.Expr, scope: Scope, frame: Frame): Start | undefined {
  const start = asNumbers(evaluate(from, scope), scope, from.span);
  if (start === undefined) return undefined;
  const type = { ...start.expr.type, kind: "real" as const };
  return { local: frame.newLocal(), type, value: { ...start.expr, type } };
}

function carriedValue({ name, from, start }: Carried, local: number | undefined, frame: Frame): Value {
  if (start === undefined || local === undefined) return anything(from.span);
  return frame.readLocal(local, start.type, name.span);
}

/** Returns the values of the next round. A value with other axes than the first one is reported and left out. */
function nextValues(
  result: Value,
  carried: readonly Carried[],
  block: ast.Block,
  body: Scope,
  frame: Frame,
): readonly Expr[] {
  const results = result.kind === "tuple" ? result.items : carried.length === 1 ? [result] : [];
  return carried.flatMap(({ name, from, start }, at) => {
    const value = results[at];
    if (start === undefined || value?.kind === "anything" || result.kind === "anything") return [];
    const tensor = value === undefined ? undefined : asNumbers(value, body, value.span);
    if (tensor !== undefined && sameAxes(tensor.expr.type.axes, start.type.axes)) return [tensor.expr];
    body.checker.report(
      "FSL3027",
      block.result?.span ?? block.span,
      {
        name: name.text,
        start: show(start.type, frame),
        next: tensor === undefined ? "nothing" : show(tensor.expr.type, frame),
      },
      { labels: [{ span: from.span, text: "it starts here" }] },
    );
    return [];
  });
}

function condition(expr: ast.Expr, scope: Scope, frame: Frame): Expr | undefined {
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  const tensor = asTensor(value, scope, expr.span);
  if (tensor === undefined) return undefined;
  if (tensor.expr.type.kind !== "bool" || tensor.expr.type.axes.length > 0) {
    scope.checker.report(
      "FSL3017",
      expr.span,
      { found: show(tensor.expr.type, frame) },
      {
        help: tensor.expr.type.kind === "bool" ? ["reduce it: one condition ends the loop of an episode"] : [],
      },
    );
    return undefined;
  }
  return tensor.expr;
}

function wholeNumber(expr: ast.Expr, scope: Scope, what: string): number | undefined {
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind === "int" && value.value > 0) return value.value;
  if (value.kind === "int")
    scope.checker.report("FSL5008", expr.span, { what, range: "at least 1", found: value.value });
  else scope.checker.report("FSL3008", expr.span, { what, found: showValue(value, scope.frame) });
  return undefined;
}
