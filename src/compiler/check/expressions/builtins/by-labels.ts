/** Sums and means by labels: each element goes into the place that its label names. */
import type { Expr } from "../../../typed/tree.js";
import { alignAxes, asTensor, findAxis, reportMissingAxis, showValue, withoutAxes } from "../../core/tensors.js";
import { anything, type Value } from "../../core/values.js";
import { type BuiltinCall, numbersArgument, requireCallFrame } from "./call.js";

/** Types `sum(x by y over item)` and `mean(x by y over item)`. A place that no label names is 0 in both. */
export function reduceBy(call: BuiltinCall, by: NonNullable<BuiltinCall["by"]>, op: "sum" | "mean"): Value {
  const { scope, span } = call;
  const frame = requireCallFrame(call);
  const x = numbersArgument(call, 0);
  const y = asTensor(by.value, scope, by.span);
  if (frame === undefined || x === undefined || y === undefined) return anything(span);
  const { kind, of: axis } = y.expr.type;
  if (kind !== "class" || axis === undefined) {
    scope.checker.report("FSL3019", by.span, { callee: "`by`", found: showValue(y, frame) });
    return anything(span);
  }
  const all = call.over.some(({ name }) => name === "all");
  const over = all ? y.expr.type.axes.map(({ name }) => name) : call.over.map(({ name }) => name);
  for (const one of all ? [] : call.over) {
    if (findAxis(y.expr.type, one.name) !== undefined) continue;
    reportMissingAxis(one.name, y, one.span, scope, frame);
    return anything(span);
  }
  const together = alignAxes(x.expr, y.expr, scope, span, frame);
  if (together === undefined) return anything(span);
  const kept = withoutAxes(together, over);
  if (kept.some(({ name }) => name === axis.name)) {
    const help = [`the sums get the axis \`${axis.name}\`, which the labels index`];
    scope.checker.report("FSL3003", span, { axis: axis.name }, { help });
    return anything(span);
  }
  const sums = (of: Expr, axes: typeof kept) =>
    frame.tensor(span, "real", [...axes, axis], { k: "sum_by", x: of, y: y.expr, over, axis });
  const sum = sums(x.expr, kept);
  if (op === "sum") return sum;
  const number = (value: number): Expr => frame.tensor(span, "real", [], { k: "number", value }).expr;
  const counts = sums(number(1), withoutAxes(y.expr.type.axes, over));
  const atLeastOne = frame.tensor(span, "real", counts.expr.type.axes, {
    k: "binary",
    op: "max",
    a: counts.expr,
    b: number(1),
  });
  return frame.tensor(span, "real", sum.expr.type.axes, { k: "binary", op: "div", a: sum.expr, b: atLeastOne.expr });
}
