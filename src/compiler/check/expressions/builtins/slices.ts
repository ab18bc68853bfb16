/** The functions `first` and `last`, which take a run of elements from one end of an axis. */
import { findAxis, reportMissingAxis, show, showValue, withoutAxes } from "../../core/tensors.js";
import { anything, type Value } from "../../core/values.js";
import { type BuiltinCall, requireCallFrame, tensorArgument } from "./call.js";

/** Returns the first or last k elements along an axis, as another axis: `first(3, x over item as head)`. */
export function slice(call: BuiltinCall, end: "first" | "last"): Value {
  const { scope, span } = call;
  const frame = requireCallFrame(call);
  const [k] = call.args;
  const [over] = call.over;
  const [as] = call.as;
  if (frame === undefined || k === undefined || over === undefined || as === undefined) return anything(span);
  if (k.value.kind !== "int") {
    scope.checker.report("FSL3008", k.span, { what: `how many \`${end}\` takes`, found: showValue(k.value, frame) });
    return anything(span);
  }
  const x = tensorArgument(call, 1);
  if (x === undefined) return anything(span);
  const { type } = x.expr;
  const axis = findAxis(type, over.name);
  if (axis === undefined) {
    reportMissingAxis(over.name, x, over.span, scope, frame);
    return anything(span);
  }
  const count = k.value.value;
  if (count < 1 || (count > axis.size && !frame.generic)) {
    const size = frame.generic ? "an unknown number of" : axis.size;
    const labels = [{ span: x.span, text: `this is ${show(type, frame)}` }];
    scope.checker.report("FSL3020", k.span, { axis: axis.name, size, count }, { labels });
    return anything(span);
  }
  const rest = withoutAxes(type.axes, [axis.name]);
  if (rest.some((other) => other.name === as.name)) {
    scope.checker.report("FSL3003", as.span, { axis: as.name });
    return anything(span);
  }
  frame.defineAxis(as.name, count);
  const start = end === "first" ? 0 : axis.size - count;
  const node = { k: "slice", x: x.expr, over: axis.name, start, count, as: as.name } as const;
  return frame.tensor(span, type.kind, [...rest, { name: as.name, size: count }], node, type.of);
}
