/** Shape rules of ops that move elements or reduce over axes. */
import type { Node, PrimitiveName, Shape } from "../ir.js";
import { elementCount, float, numeric, type OpUse, type ShapeRules, signed, type TensorType } from "./rule.js";

const without = (shape: Shape, axes: readonly number[]): Shape => shape.filter((_, axis) => !axes.includes(axis));

const reduce =
  (allowed: readonly Node["dtype"][]) =>
  (use: OpUse, { axes }: { readonly axes: readonly number[] }): TensorType => {
    const x = use.one();
    use.dtype(x, allowed);
    use.axes(x, axes, true);
    return { shape: without(x.shape, axes), dtype: x.dtype };
  };

function sharedBatch(use: OpUse, x: Node, indices: Node, axis: number, batch: number): Shape {
  use.require(indices.dtype === "i32", "takes i32 indices");
  use.require(batch >= 0 && batch <= axis && batch <= indices.shape.length, `cannot share ${batch} batch axes`);
  const shared = x.shape.slice(0, batch);
  use.require(shared.join() === indices.shape.slice(0, batch).join(), "batch axes differ");
  return shared;
}

export const structureShapes = {
  reshape: (use, { shape }) => {
    const x = use.one();
    use.validShape(shape);
    use.require(
      elementCount(x.shape) === elementCount(shape),
      `[${shape.join(", ")}] holds another number of elements`,
    );
    return { shape, dtype: x.dtype };
  },
  transpose: (use, { perm }) => {
    const x = use.one();
    use.axes(x, perm, false);
    use.require(perm.length === x.shape.length, "permutes every axis");
    return { shape: perm.map((axis) => use.size(x, axis)), dtype: x.dtype };
  },
  broadcast: (use, { shape, dims }) => {
    const x = use.one();
    use.validShape(shape);
    use.require(dims.length === x.shape.length, "names a result axis for each operand axis");
    use.axes({ shape, dtype: x.dtype }, dims, true);
    use.require(
      dims.every((axis, place) => shape[axis] === x.shape[place]),
      `does not fit [${shape.join(", ")}] at axes ${dims.join(", ")}`,
    );
    return { shape, dtype: x.dtype };
  },
  slice: (use, { start, limit, stride }) => {
    const x = use.one();
    const rank = x.shape.length;
    use.require(start.length === rank && limit.length === rank && stride.length === rank, "bounds every axis");
    const shape = x.shape.map((size, axis) => {
      const [from, to, step] = [Number(start[axis]), Number(limit[axis]), Number(stride[axis])];
      use.require(from >= 0 && from <= to && to <= size && step >= 1, `bounds ${from}:${to}:${step} of axis ${axis}`);
      return Math.ceil((to - from) / step);
    });
    return { shape, dtype: x.dtype };
  },
  pad: (use, { low, high }) => {
    const x = use.one();
    use.require(low.length === x.shape.length && high.length === x.shape.length, "pads every axis");
    use.require(
      [...low, ...high].every((size) => Number.isInteger(size) && size >= 0),
      "pads by counts",
    );
    return { shape: x.shape.map((size, axis) => size + Number(low[axis]) + Number(high[axis])), dtype: x.dtype };
  },
  concat: (use, { axis }) => {
    const first = use.operand(0);
    use.axes(first, [axis], false);
    let total = 0;
    for (const part of use.inputs) {
      use.require(
        part.dtype === first.dtype && without(part.shape, [axis]).join() === without(first.shape, [axis]).join(),
        `parts differ outside axis ${axis}`,
      );
      total += use.size(part, axis);
    }
    return { shape: first.shape.with(axis, total), dtype: first.dtype };
  },
  reverse: (use, { axes }) => {
    const x = use.one();
    use.axes(x, axes, true);
    return { shape: x.shape, dtype: x.dtype };
  },
  gather: (use, { axis, batch }) => {
    const [x, indices] = use.two();
    use.axes(x, [axis], false);
    sharedBatch(use, x, indices, axis, batch);
    return {
      shape: [...x.shape.slice(0, axis), ...indices.shape.slice(batch), ...x.shape.slice(axis + 1)],
      dtype: x.dtype,
    };
  },
  scatter_add: (use, { axis, batch, size }) => {
    const [updates, indices] = use.two();
    use.dtype(updates, signed);
    sharedBatch(use, updates, indices, axis, batch);
    const index = indices.shape.slice(batch);
    use.require(Number.isInteger(size) && size >= 0, `cannot have ${size} places`);
    use.require(
      updates.shape.slice(axis, axis + index.length).join() === index.join(),
      `updates do not hold the index axes at axis ${axis}`,
    );
    return {
      shape: [...updates.shape.slice(0, axis), size, ...updates.shape.slice(axis + index.length)],
      dtype: updates.dtype,
    };
  },
  stop_gradient: (use) => {
    const x = use.one();
    return { shape: x.shape, dtype: x.dtype };
  },
  reduce_sum: reduce(numeric),
  reduce_max: (use, attrs) => {
    const type = reduce(numeric)(use, attrs);
    use.require(
      attrs.axes.every((axis) => use.size(use.operand(0), axis) > 0),
      "has no maximum over an empty axis",
    );
    return type;
  },
  argmax: (use, { axis }) => {
    const x = use.one();
    use.dtype(x, numeric);
    use.axes(x, [axis], false);
    use.require(use.size(x, axis) > 0, "has no maximum over an empty axis");
    return { shape: without(x.shape, [axis]), dtype: "i32" };
  },
  top_k: (use, { k, axis }) => {
    const x = use.one();
    use.dtype(x, float);
    use.axes(x, [axis], false);
    use.require(k >= 1 && k <= use.size(x, axis), `cannot take ${k} along axis ${axis}`);
    return { shape: x.shape.with(axis, k), dtype: "i32" };
  },
} satisfies Partial<ShapeRules<PrimitiveName>>;
