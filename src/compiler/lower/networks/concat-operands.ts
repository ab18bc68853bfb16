/** The operands of a concatenation, for maps that are cheaper on each of them. */
import type { Node } from "../../tensor/ir.js";
import type { NamedOps, NamedTensor } from "../named-tensor.js";

/**
 * Returns the operands of a concatenation along `along`, each without the axes over which it was only repeated to match the
 * others. The result is undefined if `x` is no such concatenation, or if every operand has all axes.
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
    const inner = withoutBroadcast(ops, operand, own);
    return inner.axes.length < axes.length ? inner : ops.of(node, axes);
  }
  if (operand !== undefined && node.op === "broadcast") {
    return ops.of(
      operand,
      node.attrs.dims.map((dim) => axes[dim] ?? ""),
    );
  }
  return ops.of(node, axes);
}
