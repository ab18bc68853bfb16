/** Calls: functions are inlined, built-ins typed, networks applied, declarations given their arguments. */
import type * as ast from "../../../../grammar/ast.js";
import type { Frame } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import { asTensor, requireFrame, showValue } from "../core/tensors.js";
import { anything, type FnValue, type TensorValue, type Value } from "../core/values.js";
import { bindArguments } from "./arguments.js";
import { axisMeanings } from "./axis-names.js";
import { evaluateBlock } from "./blocks.js";
import { callBuiltin } from "./builtin-calls.js";
import { isBuiltin } from "./builtins/table.js";
import { clauseOf, refuseClauses } from "./clauses.js";
import { evaluate, reportUnknownName } from "./evaluate.js";
import { finishedNetwork } from "./finished-networks.js";
import { applyNetwork } from "./network-calls.js";

export function evaluateCall(expr: ast.CallExpr, scope: Scope): Value {
  const callee = calleeOf(expr.callee, scope);
  switch (callee.kind) {
    case "fn":
      return inlineFn(callee, expr, scope);
    case "builtin":
      return callBuiltin(callee.name, expr, scope);
    case "callable":
      return applyNetwork(callee, expr, scope);
    case "stage":
    case "stageSlot": {
      const network = finishedNetwork(callee, expr.callee.span, scope);
      return network === undefined ? anything(expr.span) : applyNetwork(network, expr, scope);
    }
    case "metric":
    case "backbone":
    case "dataset":
    case "episode":
      return withArguments(callee, expr, scope);
    case "anything":
      for (const arg of expr.args) evaluate(arg.value, scope);
      return anything(expr.span);
    default:
      scope.checker.report("FSL3012", expr.callee.span, { found: showValue(callee, scope.frame) });
      return anything(expr.span);
  }
}

function calleeOf(callee: ast.Expr, scope: Scope): Value {
  if (callee.kind !== "ref") return evaluate(callee, scope);
  const declared = scope.lookup(callee.text);
  if (declared !== undefined) return declared;
  if (isBuiltin(callee.text)) return { kind: "builtin", name: callee.text, span: callee.span };
  reportUnknownName(callee, scope);
  return anything(callee.span);
}

function inlineFn(fn: FnValue, expr: ast.CallExpr, scope: Scope): Value {
  const { checker } = scope;
  const { decl } = fn;
  const callee = `\`${decl.name.text}\``;
  const { span } = expr;
  const frame = requireFrame(scope, span, `a call of ${callee}`);
  if (frame === undefined) return anything(span);
  refuseClauses(expr, ["over"], callee, scope);
  if (checker.isInlining(decl)) {
    checker.report("FSL2018", decl.name.span, { name: decl.name.text });
    return anything(span);
  }
  const over = clauseOf(expr, "over")?.axes ?? [];
  if (over.length !== decl.axes.length) {
    const shape = decl.axes.map((axis) => axis.text).join(", ");
    const clause =
      decl.axes.length === 0
        ? "no `over`"
        : `\`over\` and ${decl.axes.length} ${decl.axes.length === 1 ? "axis" : "axes"}`;
    checker.report(
      "FSL3013",
      clauseOf(expr, "over")?.span ?? span,
      { callee, clause },
      {
        labels: [{ span: decl.name.span, text: "declared here" }],
        help: decl.axes.length === 0 ? [] : [`write \`${decl.name.text}(… over ${shape})\``],
      },
    );
    for (const arg of expr.args) evaluate(arg.value, scope);
    return anything(span);
  }
  const meanings = axisMeanings(
    decl,
    over.map((axis) => frame.resolveAxis(axis.text)),
  );
  const body = fn.scope.child(frame.inner(frame.statements, meanings.names));
  const bound = bindArguments(decl.params, expr.args, body, scope, { callee, span, typed: false });
  if (!bound) return anything(span);
  for (const param of decl.params) {
    const value = body.lookup(param.name.text);
    if (value?.kind === "tensor") {
      // In the body an axis has the size that it has in the arguments: `height` of pixels is not that of a map.
      for (const { name, size } of value.expr.type.axes)
        if (body.frame?.known(name)?.size !== size) body.frame?.defineAxis(name, size);
      body.define(param.name.text, frame.bind(value));
    } else if (value?.kind === "outputs") {
      const tensor = asTensor(value, scope, span);
      body.define(param.name.text, tensor ?? anything(span));
    }
  }
  const result =
    checker.inCall(decl, span, () => checker.nested(span, () => evaluateBlock(decl.body, body))) ?? anything(span);
  if (result.kind !== "tensor") return result;
  const value = { ...restoreWrittenNames(result, meanings.own, frame), span };
  // Axes that the body made are known to the caller, who has a value with them now.
  for (const { name, size } of value.expr.type.axes) frame.defineAxis(name, size, body.frame?.known(name)?.merged);
  return value;
}

/** Renames the axes that a function's body made back to the names in the source, if no other axis of the value has the name. */
function restoreWrittenNames(value: TensorValue, own: ReadonlyMap<string, string>, frame: Frame): TensorValue {
  const { type } = value.expr;
  const renames = type.axes.flatMap(({ name: from }) => {
    const to = own.get(from);
    return to === undefined || type.axes.some((axis) => axis.name === to) ? [] : [{ from, to }];
  });
  if (renames.length === 0) return value;
  const called = (name: string): string => renames.find(({ from }) => from === name)?.to ?? name;
  const axes = type.axes.map(({ name, size }) => ({ name: called(name), size }));
  const renamed = frame.tensor(value.span, type.kind, axes, { k: "rename", x: value.expr, renames }, type.of);
  return { ...renamed, sums: value.sums?.map(called) };
}

/** Returns a declaration with parameters bound: `prototypes(distance: cosine)`. */
function withArguments(
  value: Extract<Value, { kind: "metric" | "backbone" | "dataset" | "episode" }>,
  expr: ast.CallExpr,
  scope: Scope,
): Value {
  const callee = `\`${value.decl.name.text}\``;
  refuseClauses(expr, [], callee, scope);
  const into = value.scope.child();
  const call = { callee, span: expr.span, typed: true, each: value.kind === "episode" };
  if (!bindArguments(value.decl.params ?? [], expr.args, into, scope, call)) return anything(expr.span);
  if (value.kind !== "episode") return { ...value, scope: into, span: expr.span };
  const each = (value.decl.params ?? []).flatMap((param) => {
    const given = into.lookup(param.name.text);
    return given?.kind === "each" ? [{ name: param.name.text, word: given.word, values: given.items }] : [];
  });
  return { ...value, scope: into, span: expr.span, each };
}
