/** Functions that change the axes of a value but not its elements. */
import type { Axis } from "../../../typed/tree.js";
import { unprimed } from "../../core/frame.js";
import { alignAxes, findAxis, reportMissingAxis, show, showValue, withoutAxes } from "../../core/tensors.js";
import { anything, int, type Value } from "../../core/values.js";
import {
  type BuiltinCall,
  knownAxes,
  knownAxis,
  type NamedAxis,
  numbersArgument,
  reducedAxes,
  reportUnknownAxis,
  requireCallFrame,
  tensorArgument,
} from "./call.js";

/** Returns the number of elements along an axis, which is a static number. */
export function size(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const axis = call.axes[0];
  if (frame === undefined || axis === undefined) return anything(call.span);
  const known = knownAxis(call, axis, frame);
  return known === undefined ? anything(call.span) : int(known.size, call.span);
}

export function fill(call: BuiltinCall, value: number): Value {
  const frame = requireCallFrame(call);
  if (frame === undefined) return anything(call.span);
  const axes = knownAxes(call, call.axes, frame);
  return axes === undefined ? anything(call.span) : frame.tensor(call.span, "real", axes, { k: "fill", value });
}

/** Merges axes into one, the first axis outermost: `merge(x, [way, shot] as item)`. */
export function merge(call: BuiltinCall): Value {
  const { scope } = call;
  const frame = requireCallFrame(call);
  const x = tensorArgument(call, 0);
  const as = call.as[0];
  if (frame === undefined || x === undefined || as === undefined) return anything(call.span);
  const { type } = x.expr;
  const merged: Axis[] = [];
  for (const axis of call.axes) {
    const found = findAxis(type, axis.name);
    if (found === undefined) {
      reportMissingAxis(axis.name, x, axis.span, scope, frame);
      return anything(call.span);
    }
    if (frame.isOpaque(axis.name)) {
      scope.checker.report("FSL3015", axis.span, { axis: axis.name, what: "it cannot be merged with another axis" });
      return anything(call.span);
    }
    merged.push(found);
  }
  const rest = type.axes.filter((axis) => !merged.includes(axis));
  if (rest.some((axis) => axis.name === as.name)) {
    scope.checker.report(
      "FSL3003",
      as.span,
      { axis: as.name },
      { labels: [{ span: x.span, text: `this is ${show(type, frame)}` }] },
    );
    return anything(call.span);
  }
  const size = productOf(merged);
  frame.defineAxis(as.name, size, merged);
  const names = merged.map((axis) => axis.name);
  return frame.tensor(
    call.span,
    type.kind,
    [...rest, { name: as.name, size }],
    { k: "merge", x: x.expr, axes: names, as: as.name },
    type.of,
  );
}

/**
 * Returns the product of sizes. Sizes that stand for unknown ones may be fractions, parts of an axis that does not divide: the
 * parts together have the size of the whole again.
 */
function productOf(axes: readonly { readonly size: number }[]): number {
  const product = axes.reduce((all, { size }) => all * size, 1);
  const whole = Math.round(product);
  return Math.abs(product - whole) < 1e-6 ? whole : product;
}

/** Splits an axis: one that `merge` made, `split(x, item as [way, shot])`, or any axis into parts with sizes, `as [head: 4, d]`. */
export function split(call: BuiltinCall): Value {
  const { scope } = call;
  const frame = requireCallFrame(call);
  const x = tensorArgument(call, 0);
  const axis = call.axes[0];
  if (frame === undefined || x === undefined || axis === undefined) return anything(call.span);
  const { type } = x.expr;
  const found = findAxis(type, axis.name);
  if (found === undefined) {
    reportMissingAxis(axis.name, x, axis.span, scope, frame);
    return anything(call.span);
  }
  if (frame.isOpaque(axis.name)) {
    scope.checker.report("FSL3015", axis.span, { axis: axis.name, what: "it cannot be taken apart" });
    return anything(call.span);
  }
  const merged = frame.known(axis.name)?.merged;
  const rest = call.as.filter((part) => part.size === undefined);
  const written = call.as.filter((part) => part.size !== undefined);
  // The one part without a size is what the others leave.
  const left = rest.length === 1 && written.length > 0 ? found.size / productOf(sizesOf(written)) : undefined;
  if (left !== undefined && !Number.isInteger(left) && !frame.generic) {
    const parts = written.map((part) => part.size).join(" × ");
    scope.checker.report(
      "FSL3052",
      call.span,
      { axis: axis.name, size: found.size, parts },
      { labels: [{ span: x.span, text: `this is ${show(type, frame)}` }] },
    );
    return anything(call.span);
  }
  const as: Axis[] = [];
  for (const [at, part] of call.as.entries()) {
    const size = part.size ?? left ?? frame.known(part.name)?.size ?? merged?.[at]?.size;
    if (size === undefined) {
      reportUnknownAxis(call, part, frame);
      return anything(call.span);
    }
    as.push({ name: part.name, size });
  }
  const product = productOf(as);
  // Written sizes may well be those of an axis whose size is not known yet.
  if (product !== found.size && !(frame.generic && written.length > 0)) {
    scope.checker.report(
      "FSL3002",
      call.span,
      { axis: axis.name, left: found.size, right: product },
      {
        labels: [{ span: x.span, text: `this is ${show(type, frame)}` }],
      },
    );
    return anything(call.span);
  }
  const kept = type.axes.filter((other) => other !== found);
  const twice = as.find((part) => kept.some((other) => other.name === part.name));
  if (twice !== undefined) {
    scope.checker.report("FSL3003", call.span, { axis: twice.name });
    return anything(call.span);
  }
  return frame.tensor(call.span, type.kind, [...kept, ...as], { k: "split", x: x.expr, axis: axis.name, as }, type.of);
}

function sizesOf(axes: readonly NamedAxis[]): { readonly size: number }[] {
  return axes.map(({ size = 1 }) => ({ size }));
}

/** Joins values along an axis that all of them have. A value is broadcast over the other axes that it lacks. */
export function concat(call: BuiltinCall): Value {
  const { scope } = call;
  const frame = requireCallFrame(call);
  const along = call.along[0];
  if (frame === undefined || along === undefined) return anything(call.span);
  const axes: Axis[] = [];
  let size = 0;
  const parts = [];
  for (const at of call.args.keys()) {
    const part = numbersArgument(call, at);
    if (part === undefined) return anything(call.span);
    const joined = findAxis(part.expr.type, along.name);
    if (joined === undefined) {
      reportMissingAxis(along.name, part, along.span, scope, frame);
      return anything(call.span);
    }
    size += joined.size;
    for (const axis of part.expr.type.axes) {
      if (axis.name === along.name) continue;
      const same = axes.find((other) => other.name === axis.name);
      if (same === undefined) axes.push(axis);
      else if (same.size !== axis.size) {
        scope.checker.report(
          "FSL3002",
          call.span,
          { axis: axis.name, left: same.size, right: axis.size },
          {
            labels: [{ span: part.span, text: `this is ${show(part.expr.type, frame)}` }],
          },
        );
        return anything(call.span);
      }
    }
    parts.push(part.expr);
  }
  return frame.tensor(call.span, "real", [...axes, { name: along.name, size }], {
    k: "concat",
    parts,
    along: along.name,
  });
}

/** Returns the numbers 0, 1, 2, … along an axis. */
export function position(call: BuiltinCall): Value {
  const frame = requireCallFrame(call);
  const axis = call.axes[0];
  if (frame === undefined || axis === undefined) return anything(call.span);
  const own = knownAxis(call, axis, frame);
  if (own === undefined) return anything(call.span);
  return frame.tensor(call.span, "real", [own], { k: "index", axis: own });
}

/** Takes the elements at one place, or at the places that labels name: `pick(x, 2 over turn)`, `pick(z, y over class)`. */
export function pick(call: BuiltinCall): Value {
  const { scope, span } = call;
  const frame = requireCallFrame(call);
  const x = tensorArgument(call, 0);
  const at = call.args[1];
  if (frame === undefined || x === undefined || at === undefined) return anything(span);
  const [over] = reducedAxes(call, x, frame) ?? [];
  const axis = over === undefined ? undefined : findAxis(x.expr.type, over);
  if (axis === undefined) return anything(span);
  if (frame.isOpaque(axis.name)) {
    scope.checker.report("FSL3015", call.overSpan, { axis: axis.name, what: "none of it can be picked out" });
    return anything(span);
  }
  const { type } = x.expr;
  const rest = withoutAxes(type.axes, [axis.name]);
  const { value } = at;
  if (value.kind === "int") {
    if (value.value < 0 || (value.value >= axis.size && !frame.generic)) {
      scope.checker.report("FSL5008", at.span, {
        what: `a place along \`${axis.name}\``,
        range: frame.generic ? "at least 0" : `from 0 to ${axis.size - 1}`,
        found: value.value,
      });
      return anything(span);
    }
    const place = frame.tensor(at.span, "int", [], { k: "number", value: value.value }).expr;
    return frame.tensor(span, type.kind, rest, { k: "pick", x: x.expr, at: place, over: axis.name }, type.of);
  }
  const of = value.kind === "tensor" ? value.expr.type.of : undefined;
  if (value.kind !== "tensor" || of === undefined || of.name !== unprimed(axis.name) || of.size !== axis.size) {
    scope.checker.report("FSL3009", at.span, {
      what: "what is picked",
      expected: `a whole number or a label that indexes \`${axis.name}\``,
      found: showValue(value, frame),
    });
    return anything(span);
  }
  // The consumed axis is free again: labels along it bring it back.
  const remaining = { ...x.expr, type: { ...type, axes: rest } };
  const axes = alignAxes(remaining, value.expr, scope, span, frame);
  if (axes === undefined) return anything(span);
  return frame.tensor(span, type.kind, axes, { k: "pick", x: x.expr, at: value.expr, over: axis.name }, type.of);
}
