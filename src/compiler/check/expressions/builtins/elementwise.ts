/** Functions that compute each element of the result from the same element of their arguments. */
import type { UnaryOp } from "../../../typed/tree.js";
import { alignAxes, showValue } from "../../core/tensors.js";
import { anything, int, real, type Value } from "../../core/values.js";
import { type BuiltinCall, numbersArgument, requireCallFrame } from "./call.js";

type Elementwise = Exclude<UnaryOp, "neg" | "not">;

const statics: Readonly<Record<Elementwise, (x: number) => number>> = {
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
  abs: Math.abs,
  floor: Math.floor,
  relu: (x) => Math.max(x, 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  stop_gradient: (x) => x,
};

export function elementwise(call: BuiltinCall, op: Elementwise): Value {
  const arg = call.args[0]?.value;
  if (op === "floor" && (arg?.kind === "int" || arg?.kind === "real")) return int(Math.floor(arg.value), call.span);
  if (arg?.kind === "int" || arg?.kind === "real") {
    const value = statics[op](arg.value);
    if (Number.isFinite(value)) return real(value, call.span);
    const what = `\`${call.name}(${arg.value})\``;
    call.scope.checker.report("FSL5008", call.span, { what, range: "finite", found: value });
    return anything(call.span);
  }
  const frame = requireCallFrame(call);
  const x = numbersArgument(call, 0);
  if (frame === undefined || x === undefined) return anything(call.span);
  const kind = op === "stop_gradient" ? x.expr.type.kind : "real";
  return frame.tensor(call.span, kind, x.expr.type.axes, { k: "unary", op, x: x.expr });
}

/** Takes the larger or the smaller of each pair of elements: `max(a, b)`. */
export function extreme(call: BuiltinCall, op: "max" | "min"): Value {
  const [left, right] = [call.args[0]?.value, call.args[1]?.value];
  if (call.args.length !== 2) {
    const needs = call.args.length < 2 ? "`over` and its axes, or two values" : "two values";
    call.scope.checker.report(
      "FSL3013",
      call.span,
      { callee: `\`${call.name}\``, clause: needs },
      {
        help: [`it reads \`${call.name}(x over shot)\` or \`${call.name}(a, b)\``],
      },
    );
    return anything(call.span);
  }
  if (left !== undefined && right !== undefined && isNumber(left) && isNumber(right)) {
    const value = op === "max" ? Math.max(left.value, right.value) : Math.min(left.value, right.value);
    return left.kind === "int" && right.kind === "int"
      ? { kind: "int", value, unit: left.unit, span: call.span }
      : real(value, call.span);
  }
  const frame = requireCallFrame(call);
  const a = numbersArgument(call, 0);
  const b = numbersArgument(call, 1);
  if (frame === undefined || a === undefined || b === undefined) return anything(call.span);
  const axes = alignAxes(a.expr, b.expr, call.scope, call.span, frame);
  if (axes === undefined) return anything(call.span);
  return frame.tensor(call.span, "real", axes, { k: "binary", op, a: a.expr, b: b.expr });
}

function isNumber(value: Value): value is Extract<Value, { kind: "int" | "real" }> {
  return value.kind === "int" || value.kind === "real";
}

/** Drops elements with a probability, in training only: `dropout(x, p)`. */
export function dropout(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const x = numbersArgument(call, 0);
  const p = call.args[1];
  if (frame === undefined || x === undefined || p === undefined) return anything(call.span);
  if (p.value.kind !== "real" && p.value.kind !== "int") {
    call.scope.checker.report("FSL3008", p.span, { what: "a dropout probability", found: showValue(p.value, frame) });
    return anything(call.span);
  }
  if (p.value.value < 0 || p.value.value >= 1) {
    call.scope.checker.report("FSL5008", p.span, {
      what: "a dropout probability",
      range: "from 0 to below 1",
      found: p.value.value,
    });
    return anything(call.span);
  }
  return frame.tensor(call.span, "real", x.expr.type.axes, { k: "dropout", x: x.expr, p: p.value.value });
}
