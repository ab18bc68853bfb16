/** `repeat`: a loop with a bound that carries values from round to round. */
import type * as ast from "../../../../grammar/ast.js";
import type { Expr, Statement, ValueType } from "../../typed/tree.js";
import { sameAxes } from "../../typed/values.js";
import { operandsOf } from "../../typed/walk.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { asNumbers, asTensor, requireFrame, show, showValue } from "../core/tensors.js";
import { anything, type TensorValue, type Value } from "../core/values.js";
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
  /** True if the value takes the axes of the next round: it is a number or a constant. */
  readonly stretches: boolean;
}

/** One reading of the body, with the carried values as they then are. */
interface Round {
  readonly carried: readonly Carried[];
  readonly body: Scope;
  readonly inside: Statement[];
  readonly before: readonly number[];
  readonly results: readonly (TensorValue | undefined)[];
  /** True if the body gives anything at all, so that a missing value is a mistake of its own. */
  readonly valued: boolean;
}

export function evaluateRepeat(statement: ast.RepeatStatement, scope: Scope): void {
  const frame = requireFrame(scope, statement.span, "`repeat`");
  const bound = wholeNumber(statement.count, scope, "the bound of a `repeat`");
  if (frame === undefined) return;
  const starts = statement.bindings.map(
    ({ name, from }): Carried => ({ name, from, start: startOf(from, scope, frame) }),
  );
  const round = settledRound(statement, starts, scope, frame);
  const { carried, body, inside, before } = round;
  const next = nextValues(round, statement.body, frame);
  // The loop's own scope holds its lets; `until` sees the carried values after the round.
  const until = statement.until === undefined ? undefined : condition(statement.until, body, frame);
  for (const each of carried) {
    scope.define(each.name.text, carriedValue(each, each.start?.local, frame));
    for (const { name, size } of each.start?.type.axes ?? []) frame.defineAxis(name, size);
  }
  const from = carried.flatMap(({ start }) => start ?? []);
  if (bound === undefined || from.length !== carried.length || next.length !== carried.length) return;
  frame.statements.push({
    kind: "repeat",
    bound,
    locals: from.map(({ local }) => local),
    before,
    from: from.map(({ value }) => value),
    body: inside,
    next,
    until,
    span: statement.span,
  });
}

/** Reads the body, and again with longer starts as long as a start has to take axes of its next value. */
function settledRound(statement: ast.RepeatStatement, carried: readonly Carried[], scope: Scope, frame: Frame): Round {
  const { checker } = scope;
  let longer: readonly Carried[] | undefined;
  const round = checker.attempt(
    () => {
      checker.undo(frame.mark());
      return readRound(statement, carried, scope, frame);
    },
    ({ results }) => {
      longer = stretched(carried, results, frame);
      // Loops in loops could read the innermost body very often.
      if (longer !== undefined && checker.countInlinedCall("`repeat`", statement.span)) longer = undefined;
      return longer === undefined;
    },
  );
  return longer === undefined ? round : settledRound(statement, longer, scope, frame);
}

function readRound(statement: ast.RepeatStatement, carried: readonly Carried[], scope: Scope, frame: Frame): Round {
  const inside: Statement[] = [];
  const body = scope.child(frame.inner(inside));
  const before = carried.map((each) => {
    const local = frame.newLocal();
    body.define(each.name.text, carriedValue(each, each.start?.local, frame));
    body.define(`${each.name.text}.before`, carriedValue(each, local, frame));
    return local;
  });
  const result = evaluateBlock(statement.body, body);
  const values = result.kind === "tuple" ? result.items : carried.length === 1 ? [result] : [];
  const results = carried.map((_, at) => {
    const value = values[at];
    return value === undefined || value.kind === "anything" ? undefined : asNumbers(value, body, value.span);
  });
  const valued = result.kind !== "anything" && !values.some((value) => value.kind === "anything");
  return { carried, body, inside, before, results, valued };
}

/** Returns the carried values with longer starts, or undefined if no start has to take axes of its next value. */
function stretched(
  carried: readonly Carried[],
  results: readonly (TensorValue | undefined)[],
  frame: Frame,
): readonly Carried[] | undefined {
  let longer = false;
  const next = carried.map((each, at): Carried => {
    const { start, from } = each;
    const axes = results[at]?.expr.type.axes ?? [];
    const own = start?.type.axes ?? [];
    const more = axes.filter(({ name }) => own.every((axis) => axis.name !== name));
    const keeps = own.every((axis) => axes.some((other) => other.name === axis.name && other.size === axis.size));
    if (start === undefined || !start.stretches || !keeps || more.length === 0) return each;
    longer = true;
    const type = { ...start.type, axes: [...own, ...more] };
    const zeros = frame.tensor(from.span, "real", more, { k: "fill", value: 0 }).expr;
    const value: Expr = { type, span: from.span, k: "binary", op: "add", a: start.value, b: zeros };
    return { ...each, start: { ...start, type, value } };
  });
  return longer ? next : undefined;
}

function startOf(from: ast.Expr, scope: Scope, frame: Frame): Start | undefined {
  const start = asNumbers(evaluate(from, scope), scope, from.span);
  if (start === undefined) return undefined;
  const type = { ...start.expr.type, kind: "real" as const };
  const stretches = type.axes.length === 0 || isConstant(start.expr, frame);
  return { local: frame.newLocal(), type, value: { ...start.expr, type }, stretches };
}

/** Returns whether a value is the same in every episode: it is made of numbers, `zeros`, `ones`, `eye` and the like alone. */
function isConstant(expr: Expr, frame: Frame): boolean {
  if (expr.k === "local") {
    const bound = frame.boundTo(expr.local);
    return bound !== undefined && isConstant(bound, frame);
  }
  const reads =
    expr.k === "param" || expr.k === "learn" || expr.k === "fit" || expr.k === "draw" || expr.k === "weights";
  return !reads && expr.k !== "apply" && operandsOf(expr).every((operand) => isConstant(operand, frame));
}

function carriedValue({ name, from, start }: Carried, local: number | undefined, frame: Frame): Value {
  if (start === undefined || local === undefined) return anything(from.span);
  return frame.readLocal(local, start.type, name.span);
}

/** Returns the values of the next round. A value with other axes than the first one is reported and left out. */
function nextValues({ carried, results, valued, body }: Round, block: ast.Block, frame: Frame): readonly Expr[] {
  return carried.flatMap(({ name, from, start }, at) => {
    const tensor = results[at];
    if (start === undefined || (tensor === undefined && !valued)) return [];
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
