/** Blocks of statements: lets, bounded loops, minimisations (rules 17 and 18). */
import type * as ast from "../../../../grammar/ast.js";
import type { Callable, Expr, MinimizeTarget, Statement } from "../../typed/tree.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { asNumbers, asTensor, requireFrame, show, showValue } from "../core/tensors.js";
import { anything, type CallableValue, describe, type TensorValue, type Value } from "../core/values.js";
import { evaluate } from "./evaluate.js";
import { applyGroups } from "./minimize-groups.js";
import { checkSettings, methodOf, methods } from "./minimize-methods.js";
import { localsRead } from "./reads.js";

export function evaluateBlock(block: ast.Block, scope: Scope): Value {
  const inner = scope.child();
  for (const statement of block.statements) evaluateStatement(statement, inner);
  return block.result === undefined ? anything(block.span) : evaluate(block.result, inner);
}

function evaluateStatement(statement: ast.Statement, scope: Scope): void {
  switch (statement.kind) {
    case "let": {
      const value = evaluate(statement.value, scope);
      const { name } = statement;
      if (scope.hasOwn(name.text)) {
        const first = scope.lookup(name.text);
        scope.checker.report(
          "FSL2006",
          name.span,
          { name: name.text },
          {
            labels: first === undefined ? [] : [{ span: first.span, text: "its value so far" }],
          },
        );
      }
      scope.define(name.text, value.kind === "tensor" && scope.frame !== undefined ? scope.frame.bind(value) : value);
      return;
    }
    case "repeat":
      evaluateRepeat(statement, scope);
      return;
    case "minimize":
      evaluateMinimize(statement, scope);
      return;
  }
}

function evaluateRepeat(statement: ast.RepeatStatement, scope: Scope): void {
  const { checker } = scope;
  const frame = requireFrame(scope, statement.span, "`repeat`");
  const bound = wholeNumber(statement.count, scope, "the bound of a `repeat`");
  if (frame === undefined) return;
  const starts = statement.bindings.map((binding) => startOf(binding, scope, frame));
  const inside: Statement[] = [];
  const body = scope.child(frame.inner(inside));
  const before: number[] = [];
  for (const [at, binding] of statement.bindings.entries()) {
    const start = starts[at];
    before.push(frame.newLocal());
    if (start === undefined) {
      body.define(binding.name.text, anything(binding.from.span));
      body.define(`${binding.name.text}.before`, anything(binding.from.span));
      continue;
    }
    body.define(binding.name.text, frame.readLocal(start.local, start.from.expr.type, binding.name.span));
    body.define(
      `${binding.name.text}.before`,
      frame.readLocal(before[at] ?? 0, start.from.expr.type, binding.name.span),
    );
  }
  // The loop's own scope holds its lets; `until` sees the carried values after the round.
  const result = evaluateBlock(statement.body, body);
  const results =
    statement.bindings.length === 1 && result.kind !== "tuple" ? [result] : result.kind === "tuple" ? result.items : [];
  const next: Expr[] = [];
  for (const [at, binding] of statement.bindings.entries()) {
    const start = starts[at];
    const value = results[at];
    if (start === undefined || value?.kind === "anything" || result.kind === "anything") continue;
    const tensor = value === undefined ? undefined : asNumbers(value, body, value.span);
    if (tensor !== undefined && sameAxes(tensor.expr, start.from.expr)) {
      next.push(tensor.expr);
      continue;
    }
    checker.report(
      "FSL3027",
      statement.body.result?.span ?? statement.body.span,
      {
        name: binding.name.text,
        start: show(start.from.expr.type, frame),
        next: tensor === undefined ? "nothing" : show(tensor.expr.type, frame),
      },
      { labels: [{ span: binding.from.span, text: "it starts here" }] },
    );
  }
  const until = statement.until === undefined ? undefined : condition(statement.until, body, frame);
  for (const [at, binding] of statement.bindings.entries()) {
    const start = starts[at];
    scope.define(
      binding.name.text,
      start === undefined
        ? anything(binding.from.span)
        : frame.readLocal(start.local, start.from.expr.type, binding.name.span),
    );
  }
  const known = starts.filter((start) => start !== undefined);
  if (bound === undefined || known.length !== starts.length || next.length !== starts.length) return;
  frame.statements.push({
    kind: "repeat",
    bound,
    locals: known.map((start) => start.local),
    before,
    from: known.map((start) => start.from.expr),
    body: inside,
    next,
    until,
    span: statement.span,
  });
}

function startOf(binding: ast.Binding, scope: Scope, frame: Frame): { local: number; from: TensorValue } | undefined {
  const from = asNumbers(evaluate(binding.from, scope), scope, binding.from.span);
  if (from === undefined) return undefined;
  const type = { ...from.expr.type, kind: "real" as const };
  return { local: frame.newLocal(), from: { ...from, expr: { ...from.expr, type } } };
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

function evaluateMinimize(statement: ast.MinimizeStatement, scope: Scope): void {
  const frame = requireFrame(scope, statement.span, "`minimize`");
  if (frame === undefined) return;
  const inside: Statement[] = [];
  const body = scope.child(frame.inner(inside));
  const targets: MinimizeTarget[] = [];
  const networks = new Map<number, CallableValue>();
  let complete = true;
  for (const binding of statement.bindings) {
    const from = evaluate(binding.from, scope);
    const { name } = binding;
    const local = frame.adapted(name);
    if (from.kind === "callable") {
      const of: Callable = from.target;
      const adapted: Value = { ...from, target: { kind: "local", local, of }, span: name.span };
      targets.push({ kind: "network", local, from: of });
      networks.set(local, from);
      for (const where of [body, scope]) where.define(name.text, adapted);
      continue;
    }
    const start = asNumbers(from, scope, binding.from.span);
    if (start === undefined) {
      complete = false;
      for (const where of [body, scope]) where.define(name.text, anything(binding.from.span));
      continue;
    }
    targets.push({ kind: "tensor", local, from: start.expr });
    const type = { kind: "real" as const, axes: start.expr.type.axes };
    for (const where of [body, scope]) where.define(name.text, frame.readLocal(local, type, name.span));
  }
  const by = methodOf(statement.by, scope);
  const steps = stepsOf(statement.steps, scope);
  const stepsAtTest = statement.stepsAtTest === undefined ? steps : stepsOf(statement.stepsAtTest, scope);
  const value = evaluateBlock(statement.loss, body);
  const loss = scalarLoss(value, body, statement.loss.result?.span ?? statement.loss.span);
  if (!complete || by === undefined || steps === undefined || stepsAtTest === undefined || loss === undefined) return;
  const read = localsRead([loss], inside);
  for (const { local } of targets) {
    const name = frame.nameOf(local);
    if (name === undefined || read.has(local)) continue;
    const labels = [{ span: statement.loss.result?.span ?? statement.loss.span, text: "this does not depend on it" }];
    scope.checker.report("FSL3032", name.span, { name: name.text }, { labels });
  }
  const named = targets.map((target) => {
    const name = frame.nameOf(target.local);
    const network = networks.get(target.local)?.known();
    return { name: name?.text ?? "", at: name?.span ?? statement.span, target, network };
  });
  const changed = applyGroups(statement.groups, methods[by.method], named, scope);
  if (changed === undefined || !checkSettings(by, named, changed, scope)) return;
  frame.statements.push({
    kind: "minimize",
    targets: changed,
    by,
    steps,
    stepsAtTest,
    firstOrder: statement.firstOrder,
    body: inside,
    loss,
    span: statement.span,
  });
}

/** Warns of what is adapted and then read by nothing: the body goes on with what it started from. */
export function unusedAdaptations(frame: Frame, result: Expr, scope: Scope): void {
  for (const [at, statement] of frame.statements.entries()) {
    if (statement.kind !== "minimize") continue;
    const read = localsRead([result], frame.statements.slice(at + 1));
    for (const { local } of statement.targets) {
      const name = frame.nameOf(local);
      if (name !== undefined && !read.has(local)) scope.checker.report("FSL3034", name.span, { name: name.text });
    }
  }
}

/** A loss: a number without axes (rule 8). */
export function scalarLoss(value: Value, scope: Scope, span: ast.Span): Expr | undefined {
  const tensor = asNumbers(value, scope, span);
  const frame = scope.frame;
  if (tensor === undefined || frame === undefined) return undefined;
  if (tensor.expr.type.axes.length > 0) {
    scope.checker.report(
      "FSL3006",
      span,
      { found: show(tensor.expr.type, frame) },
      { help: ["write `mean(… over all)` or `sum(… over all)`"] },
    );
    return undefined;
  }
  return tensor.expr;
}

function stepsOf(expr: ast.Expr, scope: Scope): number | undefined {
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind === "int" && value.unit === "step") return value.value;
  scope.checker.report("FSL3010", expr.span, { what: "a minimisation", expected: "steps", found: describe(value) });
  return undefined;
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

function sameAxes(a: Expr, b: Expr): boolean {
  return (
    a.type.axes.length === b.type.axes.length &&
    a.type.axes.every((axis) => b.type.axes.some((other) => other.name === axis.name && other.size === axis.size))
  );
}
