/** `minimize`: an inner loop of optimization steps that adapts tensors and the weights of networks. */
import type * as ast from "../../../../grammar/ast.js";
import type { Expr, MinimizeTarget, Statement } from "../../typed/tree.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { asNumbers, requireFrame, show } from "../core/tensors.js";
import { anything, type CallableValue, describe, type Value } from "../core/values.js";
import { evaluateBlock } from "./blocks.js";
import { evaluate } from "./evaluate.js";
import { applyGroups } from "./minimize-groups.js";
import { checkSettings, methodOf, methods } from "./minimize-methods.js";
import { localsRead } from "./reads.js";

export function evaluateMinimize(statement: ast.MinimizeStatement, scope: Scope): void {
  const frame = requireFrame(scope, statement.span, "`minimize`");
  if (frame === undefined) return;
  const inside: Statement[] = [];
  const body = scope.child(frame.inner(inside));
  const counter = statement.counter && { name: statement.counter, local: frame.newLocal() };
  // Settings that may read the number of the step are computed in each step. The others are computed once, before the loop.
  const forSettings: Statement[] = [];
  const settings = counter === undefined ? scope : scope.child(frame.inner(forSettings));
  const started = statement.bindings.map((binding) => startTarget(binding, body, scope, frame));
  const targets = started.filter((each) => each !== undefined);
  if (counter !== undefined) defineCounter(counter, statement.bindings, [body, settings], frame);
  const by = methodOf(statement.by, settings);
  const steps = stepsOf(statement.steps, scope);
  const stepsAtTest = statement.stepsAtTest === undefined ? steps : stepsOf(statement.stepsAtTest, scope);
  const lossSpan = statement.loss.result?.span ?? statement.loss.span;
  const loss = scalarLoss(evaluateBlock(statement.loss, body), body, lossSpan);
  if (targets.length < started.length || by === undefined) return;
  if (steps === undefined || stepsAtTest === undefined || loss === undefined) return;
  warnOfUnreadTargets(targets, localsRead([loss], inside), lossSpan, scope);
  const named = targets.map(({ name, target, callable }) => ({
    name: name.text,
    at: name.span,
    target,
    network: callable?.known(),
  }));
  const changed = applyGroups(statement.groups, methods[by.method], named, settings);
  if (changed === undefined || !checkSettings(by, named, changed, scope)) return;
  const { firstOrder, span } = statement;
  frame.statements.push({
    kind: "minimize",
    targets: changed,
    by,
    steps,
    stepsAtTest,
    counter: counter && { local: counter.local, settings: forSettings.length },
    firstOrder,
    body: [...forSettings, ...inside],
    loss,
    span,
  });
}

interface StartedTarget {
  readonly name: ast.Name;
  readonly target: MinimizeTarget;
  /** The network that is adapted. Undefined for a tensor. */
  readonly callable: CallableValue | undefined;
}

/** Binds what a `minimize` adapts, in its loss and after it. Returns undefined if its start is wrong, which is reported. */
function startTarget(binding: ast.Binding, body: Scope, after: Scope, frame: Frame): StartedTarget | undefined {
  const { name } = binding;
  const define = (value: Value): void => {
    for (const scope of [body, after]) scope.define(name.text, value);
  };
  const from = evaluate(binding.from, after);
  const local = frame.newAdaptedLocal(name);
  if (from.kind === "callable") {
    define({ ...from, target: { kind: "local", local, of: from.target }, span: name.span });
    return { name, target: { kind: "network", local, from: from.target }, callable: from };
  }
  const start = asNumbers(from, after, binding.from.span);
  if (start === undefined) {
    define(anything(binding.from.span));
    return undefined;
  }
  define(frame.readLocal(local, { kind: "real", axes: start.expr.type.axes }, name.span));
  return { name, target: { kind: "tensor", local, from: start.expr }, callable: undefined };
}

/** Binds the number of the step in the scopes of the loss and of the settings. Reports FSL2006 if a target has the same name. */
function defineCounter(
  { name, local }: { readonly name: ast.Name; readonly local: number },
  bindings: readonly ast.Binding[],
  scopes: readonly Scope[],
  frame: Frame,
): void {
  const twin = bindings.find((binding) => binding.name.text === name.text);
  if (twin === undefined) {
    const value = frame.readLocal(local, { kind: "real", axes: [] }, name.span);
    for (const scope of scopes) scope.define(name.text, value);
    return;
  }
  const labels = [{ span: twin.name.span, text: "what is adapted" }];
  const help = ["give the number of the step a name of its own, such as `as t`"];
  scopes[0]?.checker.report("FSL2006", name.span, { name: name.text }, { labels, help });
}

function warnOfUnreadTargets(
  targets: readonly StartedTarget[],
  read: ReadonlySet<number>,
  lossSpan: ast.Span,
  { checker }: Scope,
): void {
  const labels = [{ span: lossSpan, text: "this does not depend on it" }];
  for (const { name, target } of targets)
    if (!read.has(target.local)) checker.report("FSL3032", name.span, { name: name.text }, { labels });
}

/** Warns of adapted values that nothing reads afterwards: the result then uses what they started from. */
export function warnOfUnusedAdaptations(frame: Frame, result: Expr, scope: Scope): void {
  for (const [at, statement] of frame.statements.entries()) {
    if (statement.kind !== "minimize") continue;
    const read = localsRead([result], frame.statements.slice(at + 1));
    for (const { local } of statement.targets) {
      const name = frame.adaptedName(local);
      if (name !== undefined && !read.has(local)) scope.checker.report("FSL3034", name.span, { name: name.text });
    }
  }
}

/** Returns a value as a loss: a number without axes. Any other value is reported. */
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
