/** Lowering rules for ops that move elements, and for reductions. */
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import { elementCount } from "../../../../compiler/tensor/shape.js";
import type { Emitter, Value } from "../emitter.js";
import { operand, type Rules, whole } from "./rule.js";
import { reduceAway } from "./sum.js";

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
/** An end below every index, so that a backward slice includes index 0. */
const beforeAll = -(2 ** 31);

export const structure = {
  reshape: (e, node) => {
    const x = operand(node, 0);
    const value = e.value(x);
    // A tensor of equal elements stays a single element in every shape.
    if (elementCount(value.shape) === 1 && elementCount(node.shape) !== 1) {
      const shape = node.shape.map(() => 1);
      return { name: value.shape.length === shape.length ? value.name : e.reshape(value.name, shape), shape };
    }
    return whole(node, e.reshape(e.full(x), node.shape));
  },
  transpose: (e, node) => {
    const value = e.value(operand(node, 0));
    const { perm } = node.attrs;
    const shape = perm.map((axis) => value.shape[axis] ?? 1);
    // Moving an axis of size 1 moves no data. Only the order of the other axes matters.
    const moved = perm.filter((axis) => value.shape[axis] !== 1);
    if (moved.every((axis, i) => i === 0 || axis > (moved[i - 1] ?? 0)))
      return { name: e.reshape(value.name, shape), shape };
    return { name: e.transpose(value.name, perm), shape };
  },
  broadcast: (e, node) => {
    const value = e.value(operand(node, 0));
    const shape = node.shape.map(() => 1);
    node.attrs.dims.forEach((axis, i) => {
      shape[axis] = value.shape[i] ?? 1;
    });
    const same = shape.length === value.shape.length;
    return { name: same ? value.name : e.reshape(value.name, shape), shape };
  },
  slice: (e, node) => {
    const x = operand(node, 0);
    const { start, limit, stride } = node.attrs;
    const axes = range(x.shape.length).filter(
      (axis) => start[axis] !== 0 || limit[axis] !== x.shape[axis] || stride[axis] !== 1,
    );
    if (axes.length === 0) return e.value(x);
    const pick = (list: readonly number[]) => axes.map((axis) => list[axis] ?? 0);
    return whole(node, e.slice(e.full(x), axes, pick(start), pick(limit), pick(stride)));
  },
  pad: (e, node) => {
    const x = operand(node, 0);
    const { low, high, value } = node.attrs;
    const amounts = e.ints([...low, ...high]);
    if (node.dtype === "bool") {
      const name = e.op("Pad", [e.cast(e.full(x), "i32"), amounts, e.scalar(value, "i32")]);
      return whole(node, e.cast(name, "bool"));
    }
    return whole(node, e.op("Pad", [e.full(x), amounts, e.scalar(value, node.dtype)]));
  },
  concat: (e, node) => whole(node, e.op("Concat", e.fulls(node.inputs), { axis: node.attrs.axis })),
  reverse: (e, node) => {
    const { axes } = node.attrs;
    if (axes.length === 0) return e.value(operand(node, 0));
    const repeat = (value: number) => axes.map(() => value);
    return whole(node, e.slice(e.full(operand(node, 0)), axes, repeat(-1), repeat(beforeAll), repeat(-1)));
  },
  gather: (e, node) => {
    const [x, indices] = [operand(node, 0), operand(node, 1)];
    const { axis, batch } = node.attrs;
    if (batch === 0) return whole(node, e.op("Gather", [e.full(x), e.full(indices)], { axis }));
    const rows = flatRows(e, indices, x.shape, axis, batch);
    const inner = x.shape.slice(axis + 1);
    const flat = e.reshape(e.full(x), [elementCount(x.shape.slice(0, axis + 1)), elementCount(inner)]);
    return whole(node, e.reshape(e.op("Gather", [flat, rows], { axis: 0 }), node.shape));
  },
  scatter_add: (e, node) => {
    const [updates, indices] = [operand(node, 0), operand(node, 1)];
    const { axis, batch } = node.attrs;
    const inner = elementCount(node.shape.slice(axis + 1));
    const height = elementCount(node.shape.slice(0, axis + 1));
    const numbers = e.reshape(flatRows(e, indices, node.shape, axis, batch), [-1, 1]);
    const rows = e.options.kernels.rows === "i64" ? numbers : e.cast(numbers, "i64");
    const zeros = e.op("Expand", [e.scalar(0, node.dtype), e.ints([height, inner])]);
    const flat = e.reshape(e.full(updates), [-1, inner]);
    return whole(node, e.reshape(e.op("ScatterND", [zeros, rows, flat], { reduction: "add" }), node.shape));
  },
  reduce_sum: (e, node) => {
    const x = operand(node, 0);
    const { axes } = node.attrs;
    if (axes.length === 0) return e.value(x);
    return reduce(e, node, x, axes, "ReduceSum");
  },
  reduce_max: (e, node) => {
    const x = operand(node, 0);
    const { axes } = node.attrs;
    if (axes.length === 0) return e.value(x);
    return reduce(e, node, x, axes, "ReduceMax");
  },
  argmax: (e, node) => {
    const name = e.op("ArgMax", [e.full(operand(node, 0))], { axis: node.attrs.axis, keepdims: 0 });
    return whole(node, e.cast(name, "i32"));
  },
  top_k: (e, node) => {
    const { axis, k } = node.attrs;
    const [, indices = ""] = e.ops("TopK", [e.full(operand(node, 0)), e.ints([k])], { axis, largest: 1, sorted: 1 }, 2);
    return whole(node, e.cast(indices, "i32"));
  },
} satisfies Partial<Rules<OpName>>;

/** Reduces only axes that are materialized. Along an axis that only repeats, a sum is a product and a maximum is the value itself. */
function reduce(e: Emitter, node: Node, x: Node, axes: readonly number[], op: "ReduceSum" | "ReduceMax"): Value {
  const value = e.value(x);
  const shape = value.shape.filter((_, axis) => !axes.includes(axis));
  const real = axes.filter((axis) => value.shape[axis] === x.shape[axis] && x.shape[axis] !== 1);
  const times = elementCount(axes.filter((axis) => !real.includes(axis)).map((axis) => x.shape[axis] ?? 1));
  let { name } = value;
  if (real.length > 0)
    name = op === "ReduceSum" && node.dtype === "f32" ? reduceAway(e, op, value, real) : e.reduce(op, name, real);
  if (real.length < axes.length) name = e.reshape(name, shape);
  if (op === "ReduceSum" && times !== 1) name = e.op("Mul", [name, e.scalar(times, node.dtype)]);
  return { name, shape };
}

/**
 * Turns indices [B…, I…] along axis d of an operand [B…, P…, d, R…] into row numbers [B, P, I] of the operand flattened to
 * [B·P·d, R].
 */
function flatRows(e: Emitter, indices: Node, shape: readonly number[], axis: number, batch: number): string {
  const outer = elementCount(shape.slice(0, batch));
  const middle = elementCount(shape.slice(batch, axis));
  const depth = shape[axis] ?? 1;
  const type = e.options.kernels.rows;
  const reshaped = e.reshape(e.full(indices), [outer, 1, -1]);
  const wide = type === indices.dtype ? reshaped : e.cast(reshaped, type);
  if (outer * middle === 1) return wide;
  const starts = range(outer * middle).map((row) => row * depth);
  return e.op("Add", [wide, e.constant(type, [outer, middle, 1], starts)]);
}
