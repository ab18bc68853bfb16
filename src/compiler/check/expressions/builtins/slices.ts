/** The functions that take some of the elements along an axis: `first` and `last`, and what they share with `top`. */
import type { Axis } from "../../../typed/tree.js";
import type { Frame } from "../../core/frame.js";
import { findAxis, show, showValue, withoutAxes } from "../../core/tensors.js";
import { anything, type TensorValue, type Value } from "../../core/values.js";
import { type BuiltinCall, reducedAxes, requireCallFrame, tensorArgument } from "./call.js";

/** A number of elements along an axis, and the axes of the value that has only these, on an axis of another name. */
export interface Taken {
  readonly count: number;
  readonly axis: Axis;
  readonly as: string;
  readonly axes: readonly Axis[];
}

/** Returns how many elements a call takes, or undefined after a report: FSL3008, FSL3020 for more than there are, FSL3003. */
export function takenOf(call: BuiltinCall, x: TensorValue, frame: Frame): Taken | undefined {
  const { checker } = call.scope;
  const [k] = call.args;
  const [as] = call.as;
  if (k === undefined || as === undefined) return undefined;
  const { type } = x.expr;
  if (k.value.kind !== "int") {
    checker.report("FSL3008", k.span, { what: `how many \`${call.name}\` takes`, found: showValue(k.value, frame) });
    return undefined;
  }
  const over = reducedAxes(call, x, frame)?.[0];
  const axis = over === undefined ? undefined : findAxis(type, over);
  if (axis === undefined) return undefined;
  const count = k.value.value;
  if (count < 1 || (count > axis.size && !frame.generic)) {
    const size = frame.generic ? "an unknown number of" : axis.size;
    const labels = [{ span: x.span, text: `this is ${show(type, frame)}` }];
    checker.report("FSL3020", k.span, { axis: axis.name, size, count }, { labels });
    return undefined;
  }
  const rest = withoutAxes(type.axes, [axis.name]);
  if (rest.some((other) => other.name === as.name)) {
    checker.report("FSL3003", as.span, { axis: as.name });
    return undefined;
  }
  frame.defineAxis(as.name, count);
  return { count, axis, as: as.name, axes: [...rest, { name: as.name, size: count }] };
}

/** Returns the first or last k elements along an axis, as another axis: `first(3, x over item as head)`. */
export function slice(call: BuiltinCall, end: "first" | "last"): Value {
  const frame = requireCallFrame(call);
  const x = frame === undefined ? undefined : tensorArgument(call, 1);
  const taken = frame === undefined || x === undefined ? undefined : takenOf(call, x, frame);
  if (frame === undefined || x === undefined || taken === undefined) return anything(call.span);
  const { count, axis, as, axes } = taken;
  const start = end === "first" ? 0 : axis.size - count;
  const { kind, of } = x.expr.type;
  return frame.tensor(call.span, kind, axes, { k: "slice", x: x.expr, over: axis.name, start, count, as }, of);
}
