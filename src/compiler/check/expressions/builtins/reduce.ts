/** Functions over axes: sums, means, extremes, softmax, normalization, the k largest elements. */
import type { ReduceOp, ValueType } from "../../../typed/tree.js";
import { findAxis, withoutAxes } from "../../core/tensors.js";
import { anything, type TensorValue, type Value } from "../../core/values.js";
import { type BuiltinCall, numbersArgument, reducedAxes, requireCallFrame } from "./call.js";
import { takenOf } from "./slices.js";

export function reduce(call: BuiltinCall, op: ReduceOp): Value {
  const frame = requireCallFrame(call);
  const x = numbersArgument(call, 0);
  if (frame === undefined || x === undefined) return anything(call.span);
  const over = reducedAxes(call, x, frame);
  if (over === undefined) return anything(call.span);
  const { type } = x.expr;
  if (over.length === 0) return x;
  const made = (kind: ValueType["kind"]): TensorValue =>
    frame.tensor(call.span, kind, withoutAxes(type.axes, over), { k: "reduce", op, x: x.expr, over });
  if (type.kind !== "probabilities" || (op !== "sum" && op !== "mean")) return made("real");
  // Sums and means of probabilities over other axes are still probabilities (matching networks).
  const { sums } = x;
  if (sums === undefined) return made("probabilities");
  if (sums.length > 0 && sums.every((axis) => over.includes(axis))) {
    const axes = sums.map((axis) => `\`${axis}\``).join(" and ");
    call.scope.checker.report("FSL3033", call.span, { op, axes }, { labels: [{ span: x.span, text: "these" }] });
    return anything(call.span);
  }
  const within = over.every((axis) => sums.includes(axis));
  const outside = over.every((axis) => !sums.includes(axis));
  const kept = op === "sum" ? within : outside;
  return { ...made("probabilities"), sums: kept ? sums.filter((axis) => !over.includes(axis)) : [] };
}

export function argmax(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const x = numbersArgument(call, 0);
  if (frame === undefined || x === undefined) return anything(call.span);
  const over = reducedAxes(call, x, frame)?.[0];
  const axis = over === undefined ? undefined : findAxis(x.expr.type, over);
  if (axis === undefined) return anything(call.span);
  return frame.tensor(
    call.span,
    "class",
    withoutAxes(x.expr.type.axes, [axis.name]),
    { k: "argmax", x: x.expr, over: axis.name },
    axis,
  );
}

type Along = "softmax" | "log_softmax" | "logsumexp" | "normalize";

export function logsumexpLike(call: BuiltinCall, op: Along): Value {
  const frame = requireCallFrame(call);
  const x = numbersArgument(call, 0);
  if (frame === undefined || x === undefined) return anything(call.span);
  const over = reducedAxes(call, x, frame);
  if (over === undefined) return anything(call.span);
  const { axes } = x.expr.type;
  const kind: ValueType["kind"] = op === "softmax" ? "probabilities" : "real";
  const made = frame.tensor(call.span, kind, op === "logsumexp" ? withoutAxes(axes, over) : axes, {
    k: op,
    x: x.expr,
    over,
  });
  return op === "softmax" ? { ...made, sums: over } : made;
}

/** Takes the k largest elements in falling order, on a new axis: `top(k, x over a as b)`. */
export function top(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const x = frame === undefined ? undefined : numbersArgument(call, 1);
  const taken = frame === undefined || x === undefined ? undefined : takenOf(call, x, frame);
  if (frame === undefined || x === undefined || taken === undefined) return anything(call.span);
  const { count, axis, as, axes } = taken;
  return frame.tensor(call.span, "real", axes, { k: "top", count, x: x.expr, over: axis.name, as });
}
