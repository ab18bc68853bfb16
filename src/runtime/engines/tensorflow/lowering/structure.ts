/** Lowering rules for ops that move elements, and for reductions. */
import type { Node, OpName, Shape } from "../../../../compiler/tensor/ir.js";
import { elementCount } from "../../../../compiler/tensor/shape.js";
import { boolAttribute, intAttribute, typeAttribute } from "../binding.js";
import { axesInLayout, type Emitter, inLayout, type Layout, type Slot, type Value } from "../emitter.js";
import { commonLayout } from "./elementwise.js";
import { shiftGradient } from "./norm.js";
import { operand, type Rules, range, whole } from "./rule.js";
import { sumAway } from "./sum.js";

export const structure = {
  reshape: (e, node) => {
    const x = operand(node, 0);
    const value = e.value(x);
    // A tensor of equal elements stays a single element in every shape.
    if (elementCount(value.shape) === 1 && elementCount(node.shape) !== 1) {
      const shape = node.shape.map(() => 1);
      return {
        slot: value.shape.length === shape.length ? value.slot : e.reshape(value.slot, shape),
        shape,
        layout: "plain",
      };
    }
    if (value.layout === "nhwc" && isGroupedView(node.shape, x.shape))
      return whole(node, e.reshape(e.full(x, "nhwc"), inLayout("pools", node.shape)), "pools");
    if (value.layout === "pools" && isGroupedView(x.shape, node.shape))
      return whole(node, e.reshape(e.full(x, "pools"), inLayout("nhwc", node.shape)), "nhwc");
    return whole(node, e.reshape(e.full(x), node.shape));
  },
  transpose: (e, node) => {
    const value = e.value(operand(node, 0), "plain");
    const { perm } = node.attrs;
    const shape = perm.map((axis) => value.shape[axis] ?? 1);
    // Moving an axis of size 1 moves no data. Only the order of the other axes matters.
    const moved = perm.filter((axis) => value.shape[axis] !== 1);
    const stays = moved.every((axis, i) => i === 0 || axis > (moved[i - 1] ?? 0));
    return { slot: stays ? e.reshape(value.slot, shape) : e.transpose(value.slot, perm), shape, layout: "plain" };
  },
  broadcast: (e, node) => {
    const value = e.value(operand(node, 0), "plain");
    const shape = node.shape.map(() => 1);
    node.attrs.dims.forEach((axis, i) => {
      shape[axis] = value.shape[i] ?? 1;
    });
    const same = shape.length === value.shape.length;
    return { slot: same ? value.slot : e.reshape(value.slot, shape), shape, layout: "plain" };
  },
  slice: (e, node) => {
    const x = operand(node, 0);
    const { start, limit, stride } = node.attrs;
    const { layout } = e.value(x);
    const inputs = [start, limit, stride].map((list) => e.ints(inLayout(layout, list)));
    if (stride.every((step) => step === 1)) {
      const sizes = e.ints(inLayout(layout, node.shape));
      return whole(node, e.op("Slice", [e.full(x, layout), inputs[0] as Slot, sizes]), layout);
    }
    return whole(node, e.op("StridedSlice", [e.full(x, layout), ...inputs]), layout);
  },
  pad: (e, node) => {
    const x = operand(node, 0);
    const { layout } = e.value(x);
    const { low, high, value } = node.attrs;
    const amounts = inLayout(
      layout,
      low.map((before, axis) => [before, high[axis] ?? 0]),
    );
    const padding = e.constant("i32", [amounts.length, 2], amounts.flat());
    return whole(node, e.op("PadV2", [e.full(x, layout), padding, e.scalar(value, node.dtype)]), layout);
  },
  concat: (e, node) => {
    const layout = commonLayout(e, node.inputs);
    const parts = node.inputs.map((part) => e.full(part, layout));
    return whole(node, e.concat(parts, axesInLayout(layout, [node.attrs.axis])[0] ?? 0, node.dtype), layout);
  },
  reverse: (e, node) => {
    const x = operand(node, 0);
    const { layout } = e.value(x);
    const axes = e.ints(axesInLayout(layout, node.attrs.axes));
    return whole(node, e.op("ReverseV2", [e.full(x, layout), axes]), layout);
  },
  gather: (e, node) => {
    const { axis, batch } = node.attrs;
    const inputs = [e.full(operand(node, 0)), e.full(operand(node, 1)), e.scalar(axis, "i32")];
    return whole(node, e.op("GatherV2", inputs, [intAttribute("batch_dims", batch)]));
  },
  scatter_add: (e, node) => {
    const [updates, indices] = [operand(node, 0), operand(node, 1)];
    const { axis, batch } = node.attrs;
    const inner = elementCount(node.shape.slice(axis + 1));
    const height = elementCount(node.shape.slice(0, axis + 1));
    const [rows, count] = flatRows(e, indices, node.shape, axis, batch);
    const flat = e.reshape(e.full(updates), [count, inner]);
    const sums = e.op("UnsortedSegmentSum", [flat, rows, e.scalar(height, "i32")]);
    return whole(node, e.reshape(sums, node.shape));
  },
  reduce_sum: (e, node) => {
    const dy = operand(node, 0);
    // The gradient kernel of a norm has computed the sum over every place of a channel.
    const gradient = node.attrs.axes.join() === "0,2,3" ? e.related.anyNormGradient(e.inProgress, dy) : undefined;
    if (gradient !== undefined) return whole(node, shiftGradient(e, gradient));
    return reduce(e, node, node.attrs.axes, "Sum");
  },
  reduce_max: (e, node) => reduce(e, node, node.attrs.axes, "Max"),
  argmax: (e, node) => {
    const x = operand(node, 0);
    const type = [typeAttribute("output_type", "i32")];
    return whole(node, e.op("ArgMax", [e.full(x), e.scalar(node.attrs.axis, "i32")], type));
  },
  top_k: (e, node) => {
    const { axis, k } = node.attrs;
    const x = e.full(operand(node, 0));
    const last = node.shape.length - 1;
    const swapped = range(last + 1).map((each) => (each === axis ? last : each === last ? axis : each));
    const inputs = [e.transpose(x, swapped), e.scalar(k, "i32")];
    const [, indices] = e.ops("TopKV2", inputs, [boolAttribute("sorted", true)], 2);
    return whole(node, e.transpose(indices as Slot, swapped));
  },
} satisfies Partial<Rules<OpName>>;

/** Tells whether the first shape is [group, n, c, h·w] for images of the second shape [group·n, c, h, w]. */
function isGroupedView(
  [groups = 0, each = 0, channels, places, ...rest]: Shape,
  [n, c, h = 0, w = 0, ...more]: Shape,
): boolean {
  return rest.length + more.length === 0 && groups * each === n && channels === c && places === h * w;
}

/** Reduces only axes that are materialized. Along an axis that only repeats, a sum is a product and a maximum is the value itself. */
function reduce(e: Emitter, node: Node, axes: readonly number[], op: "Sum" | "Max"): Value {
  const x = operand(node, 0);
  const value = e.value(x);
  if (axes.length === 0) return value;
  const kept = range(x.shape.length).filter((axis) => !axes.includes(axis));
  const real = axes.filter((axis) => value.shape[axis] === x.shape[axis] && x.shape[axis] !== 1);
  const times = elementCount(axes.filter((axis) => !real.includes(axis)).map((axis) => x.shape[axis] ?? 1));
  const shape = kept.map((axis) => value.shape[axis] ?? 1);
  let slot = value.slot;
  if (real.length > 0) {
    const held = axesInLayout(value.layout, real);
    slot =
      op === "Sum" && node.dtype === "f32"
        ? sumAway(e, slot, inLayout(value.layout, value.shape), held)
        : e.op(op, [slot, e.ints(held)], [boolAttribute("keep_dims", false)]);
  }
  if (op === "Sum" && times !== 1) slot = e.op("Mul", [slot, e.scalar(times, node.dtype)]);
  return { slot: removeReducedAxes(e, slot, value, axes, real, kept), shape, layout: "plain" };
}

/** Removes the reduced axes from the result of a reduction over `real`, and puts the axes `kept` into the order of the IR. */
function removeReducedAxes(
  e: Emitter,
  slot: Slot,
  value: Value,
  axes: readonly number[],
  real: readonly number[],
  kept: readonly number[],
): Slot {
  const order = heldOrder(value.layout, value.shape.length).filter((axis) => kept.includes(axis));
  const held = order.map((axis) => value.shape[axis] ?? 1);
  const flat = real.length < axes.length ? e.reshape(slot, held) : slot;
  const perm = kept.map((axis) => order.indexOf(axis));
  return e.transpose(flat, perm);
}
const heldOrder = (layout: Layout, rank: number): number[] => inLayout(layout, range(rank));

/**
 * Turns indices [B…, I…] along axis d of an operand [B…, P…, d, R…] into row numbers [B·P·I] of the operand flattened to
 * [B·P·d, R]. Returns them and their number.
 */
function flatRows(e: Emitter, indices: Node, shape: Shape, axis: number, batch: number): [Slot, number] {
  const outer = elementCount(shape.slice(0, batch));
  const middle = elementCount(shape.slice(batch, axis));
  const depth = shape[axis] ?? 1;
  const each = elementCount(indices.shape.slice(batch));
  const count = outer * middle * each;
  if (outer * middle === 1) return [e.reshape(e.full(indices), [each]), each];
  const starts = range(outer * middle).map((row) => row * depth);
  const wide = e.reshape(e.full(indices), [outer, 1, each]);
  const rows = e.op("AddV2", [wide, e.constant("i32", [outer, middle, 1], starts)]);
  return [e.reshape(rows, [count]), count];
}
