/** Values that were joined along an axis, taken apart again where that saves work. */
import type { Node } from "../tensor/ir.js";
import type { Named, NamedOps } from "./named.js";

/**
 * The parts of a value that a concatenation along `along` made, each without the axes over which it was only repeated to
 * fit the others; undefined where the value is no such concatenation, or where every part has all of its axes.
 */
export function joinedParts(ops: NamedOps, x: Named, along: string): Named[] | undefined {
  const { node } = x;
  if (node.op !== "concat" || x.axes[node.attrs.axis] !== along) return undefined;
  const parts = node.inputs.map((operand) => unrepeated(ops, operand, x.axes));
  return parts.some((part) => part.axes.length < x.axes.length) ? parts : undefined;
}

function unrepeated(ops: NamedOps, node: Node, axes: readonly string[]): Named {
  const [operand] = node.inputs;
  if (operand !== undefined && node.op === "transpose") {
    const own = operand.shape.map((_, axis) => axes[node.attrs.perm.indexOf(axis)] ?? "");
    const inside = unrepeated(ops, operand, own);
    return inside.axes.length < axes.length ? inside : ops.of(node, axes);
  }
  if (operand !== undefined && node.op === "broadcast") {
    return ops.of(
      operand,
      node.attrs.dims.map((dim) => axes[dim] ?? ""),
    );
  }
  return ops.of(node, axes);
}
