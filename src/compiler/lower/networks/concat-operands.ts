/** Values that were joined along an axis, taken apart again where that saves work. */
import type { Node } from "../../tensor/ir.js";
import type { NamedOps, NamedTensor } from "../named-tensor.js";

/**
 * The parts of a value that a concatenation along `along` made, each without the axes over which it was only repeated to
 * fit the others; undefined where the value is no such concatenation, or where every part has all of its axes.
 */
export function concatOperands(ops: NamedOps, x: NamedTensor, along: string): NamedTensor[] | undefined {
  const { node } = x;
  if (node.op !== "concat" || x.axes[node.attrs.axis] !== along) return undefined;
  const parts = node.inputs.map((operand) => withoutBroadcast(ops, operand, x.axes));
  return parts.some((part) => part.axes.length < x.axes.length) ? parts : undefined;
}

function withoutBroadcast(ops: NamedOps, node: Node, axes: readonly string[]): NamedTensor {
  const [operand] = node.inputs;
  if (operand !== undefined && node.op === "transpose") {
    const own = operand.shape.map((_, axis) => axes[node.attrs.perm.indexOf(axis)] ?? "");
    const inside = withoutBroadcast(ops, operand, own);
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
