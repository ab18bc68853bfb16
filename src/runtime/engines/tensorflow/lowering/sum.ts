/** Sums of f32 tensors. Long ones are computed in stages, because TensorFlow's kernels lose digits in them. */
import type { Shape } from "../../../../compiler/tensor/ir.js";
import { sumStages } from "../../sums.js";
import { boolAttribute } from "../binding.js";
import type { Emitter, Slot } from "../emitter.js";

/** TensorFlow sums rows as a tree, but all other axes in one accumulator for each result. */
const limits = { last: 16384, other: 4096 };
const drop = [boolAttribute("keep_dims", false)];

/** Emits the sum of a tensor of the given shape over the axes. The result has the axes that are kept. */
export function sumAway(e: Emitter, slot: Slot, shape: Shape, axes: readonly number[]): Slot {
  const stages = sumStages(shape, axes, limits);
  if (stages.length === 0) return e.op("Sum", [slot, e.ints(axes)], drop);
  const sum = stages.reduce((held, { padding, shape: blocks }) => {
    const filled = padding === undefined ? held : padded(e, held, padding.of, padding.zeros);
    return e.op("Sum", [e.reshape(filled, blocks), e.ints([1])], drop);
  }, slot);
  return e.reshape(
    sum,
    shape.filter((_, axis) => !axes.includes(axis)),
  );
}

function padded(e: Emitter, slot: Slot, shape: Shape, zeros: number): Slot {
  const amounts = shape.flatMap((_, axis) => [0, axis === 1 ? zeros : 0]);
  return e.op("PadV2", [e.reshape(slot, shape), e.constant("i32", [shape.length, 2], amounts), e.scalar(0)]);
}
