/** Lowering of the normalizations whose statistics are those of one value: layer norm, group norm and instance norm. */
import type { LayerOp } from "../../typed/tree.js";
import { axesOf, countOf, type NamedOps, type NamedTensor, sizeOf } from "../named-tensor.js";

/** Returns (x − mean) / √(variance + eps), with the mean and the biased variance over these axes. */
export function standardized(ops: NamedOps, x: NamedTensor, over: readonly string[], eps: number): NamedTensor {
  const centered = ops.sub(x, ops.mean(x, over));
  const variance = ops.mean(ops.mul(centered, centered), over);
  return ops.mul(centered, ops.unary("rsqrt", ops.add(variance, ops.scalar(eps))));
}

/** Returns x standardized over each of the groups of channels, with all places of each channel. `x` has `batch` and the layer's axes. */
export function groupNorm(
  ops: NamedOps,
  { axis, groups, eps }: Extract<LayerOp, { kind: "group_norm" }>,
  x: NamedTensor,
  batch: string,
): NamedTensor {
  const places = axesOf(x).filter(({ name }) => name !== batch && name !== axis);
  const ordered = ops.order(x, [batch, axis, ...places.map(({ name }) => name)]);
  const each = (sizeOf(x, axis) / groups) * countOf(places);
  const grouped = ops.reshape(ordered, [
    { name: batch, size: sizeOf(x, batch) },
    { name: "·group", size: groups },
    { name: "·each", size: each },
  ]);
  return ops.reshape(standardized(ops, grouped, ["·each"], eps), axesOf(ordered));
}
