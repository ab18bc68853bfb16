/** The batching rules of ops that move elements, and of reductions. */
import type { PrimitiveName } from "../ir.js";
import { BatchedValue, type BatchRules, leadingRule } from "./batched-value.js";

const next = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

export const structureBatches = {
  reshape: leadingRule<"reshape">(({ shape }, size) => ({ shape: [size, ...shape] })),
  transpose: leadingRule<"transpose">(({ perm }) => ({ perm: [0, ...next(perm)] })),
  broadcast: leadingRule<"broadcast">(({ shape, dims }, size) => ({
    shape: [size, ...shape],
    dims: [0, ...next(dims)],
  })),
  slice: leadingRule<"slice">(({ start, limit, stride }, size) => ({
    start: [0, ...start],
    limit: [size, ...limit],
    stride: [1, ...stride],
  })),
  pad: leadingRule<"pad">(({ low, high, value }) => ({ low: [0, ...low], high: [0, ...high], value })),
  concat: leadingRule<"concat">(({ axis }) => ({ axis: axis + 1 })),
  reverse: leadingRule<"reverse">(({ axes }) => ({ axes: next(axes) })),
  gather: (batch, node, [x, indices]) => {
    const { o } = batch;
    const { axis, batch: shared } = node.attrs;
    if (shared === 0 && indices.shared !== undefined)
      return BatchedValue.leading(batch, o.gather(x.leading(), indices.shared, axis + 1));
    if (shared === 0 && x.shared !== undefined) {
      // All tasks read the same operand. The result is [P…, task, I…, R…], and the tasks move to the front.
      const picked = o.gather(x.shared, indices.leading(), axis);
      const others = picked.shape.map((_, place) => place).filter((place) => place !== axis);
      return BatchedValue.leading(batch, o.transpose(picked, [axis, ...others]));
    }
    return BatchedValue.leading(batch, o.gather(x.leading(), indices.leading(), axis + 1, shared + 1));
  },
  scatter_add: (batch, node, [updates, indices]) => {
    const { o } = batch;
    const { axis, batch: shared, size } = node.attrs;
    const result =
      shared === 0 && indices.shared !== undefined
        ? o.scatterAdd(updates.leading(), indices.shared, axis + 1, size)
        : o.scatterAdd(updates.leading(), indices.leading(), axis + 1, size, shared + 1);
    return BatchedValue.leading(batch, result);
  },
  reduce_sum: (batch, node, [x]) => {
    const { o, size } = batch;
    const { axes } = node.attrs;
    if (!x.inChannels) return BatchedValue.leading(batch, o.sum(x.leading(), next(axes)));
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const sums = o.sum(
      o.reshape(x.channels(), [n, size, c, h, w]),
      axes.map((axis) => (axis === 0 ? 0 : axis + 1)),
    );
    const swapped = sums.shape.map((_, place) => (place < 2 ? 1 - place : place));
    return BatchedValue.leading(batch, axes.includes(0) ? sums : o.transpose(sums, swapped));
  },
  reduce_max: leadingRule<"reduce_max">(({ axes }) => ({ axes: next(axes) })),
  argmax: leadingRule<"argmax">(({ axis }) => ({ axis: axis + 1 })),
  top_k: leadingRule<"top_k">(({ k, axis }) => ({ k, axis: axis + 1 })),
} satisfies Partial<BatchRules<PrimitiveName>>;
