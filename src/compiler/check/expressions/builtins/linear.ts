/** Contractions and linear systems. See "Values and axes" in docs/language.md. */
import type { Frame } from "../../core/frame.js";
import { alignAxes, differentSizes, findAxis, reportMissingAxis, show, withoutAxes } from "../../core/tensors.js";
import { anything, type TensorValue, type Value } from "../../core/values.js";
import { type BuiltinCall, knownAxes, numbersArgument, requireCallFrame } from "./call.js";

/** Returns the axes after `over`. An axis that one side lacks is reported. */
function contracted(call: BuiltinCall, a: TensorValue, b: TensorValue, frame: Frame): string[] | undefined {
  if (call.over.some((axis) => axis.name === "all")) {
    return a.expr.type.axes.filter((axis) => findAxis(b.expr.type, axis.name) !== undefined).map((axis) => axis.name);
  }
  for (const axis of call.over) {
    for (const side of [a, b]) {
      if (findAxis(side.expr.type, axis.name) === undefined) {
        reportMissingAxis(axis.name, side, axis.span, call.scope, frame);
        return undefined;
      }
    }
  }
  return call.over.map((axis) => axis.name);
}

export function dot(call: BuiltinCall): Value {
  return contraction(call, "dot");
}
export function squaredDistance(call: BuiltinCall): Value {
  return contraction(call, "squared_distance");
}
function contraction(call: BuiltinCall, k: "dot" | "squared_distance"): Value {
  const frame = requireCallFrame(call);
  const a = numbersArgument(call, 0);
  const b = numbersArgument(call, 1);
  if (frame === undefined || a === undefined || b === undefined) return anything(call.span);
  const over = contracted(call, a, b, frame);
  if (over === undefined) return anything(call.span);
  const axes = alignAxes(a.expr, b.expr, call.scope, call.span, frame);
  if (axes === undefined) return anything(call.span);
  return frame.tensor(call.span, "real", withoutAxes(axes, over), { k, a: a.expr, b: b.expr, over });
}

/** Makes the identity matrix of two axes: `eye(i, i')`. */
export function eye(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  if (frame === undefined) return anything(call.span);
  const axes = knownAxes(call, call.axes, frame);
  const [a, b] = axes ?? [];
  if (axes === undefined || a === undefined || b === undefined) return anything(call.span);
  if (a.name === b.name) {
    call.scope.checker.report(
      "FSL3003",
      call.span,
      { axis: a.name },
      { help: [`write \`eye(${a.name}, ${a.name}')\``] },
    );
    return anything(call.span);
  }
  if (a.size !== b.size) {
    call.scope.checker.report("FSL3002", call.span, differentSizes(`${a.name} and ${b.name}`, a, b, frame));
    return anything(call.span);
  }
  return frame.tensor(call.span, "real", axes, { k: "eye", a, b });
}

/**
 * Solves a linear system: `solve(A, B over i)`. A has the axes i and i' and is symmetric and positive definite. The result Z
 * has the axis i, and dot(A, Z[i'] over i') = B.
 */
export function solve(call: BuiltinCall): Value {
  const { scope } = call;
  const frame = requireCallFrame(call);
  const a = numbersArgument(call, 0);
  const b = numbersArgument(call, 1);
  const over = call.over[0];
  if (frame === undefined || a === undefined || b === undefined || over === undefined) return anything(call.span);
  const twin = `${over.name}'`;
  for (const name of [over.name, twin]) {
    if (findAxis(a.expr.type, name) === undefined) {
      reportMissingAxis(name, a, call.args[0]?.span ?? call.span, scope, frame);
      return anything(call.span);
    }
  }
  const row = findAxis(a.expr.type, over.name);
  const column = findAxis(a.expr.type, twin);
  if (row?.size !== column?.size) {
    scope.checker.report("FSL3002", call.span, {
      axis: `${over.name} and ${twin}`,
      left: row?.size ?? 0,
      right: column?.size ?? 0,
    });
    return anything(call.span);
  }
  if (findAxis(b.expr.type, over.name) === undefined) {
    reportMissingAxis(over.name, b, over.span, scope, frame);
    return anything(call.span);
  }
  if (findAxis(b.expr.type, twin) !== undefined) {
    scope.checker.report(
      "FSL3003",
      call.args[1]?.span ?? call.span,
      { axis: twin },
      {
        labels: [{ span: b.span, text: `this is ${show(b.expr.type, frame)}` }],
      },
    );
    return anything(call.span);
  }
  const axes = alignAxes(a.expr, b.expr, scope, call.span, frame);
  if (axes === undefined) return anything(call.span);
  return frame.tensor(call.span, "real", withoutAxes(axes, [twin]), {
    k: "solve",
    a: a.expr,
    b: b.expr,
    over: over.name,
  });
}
