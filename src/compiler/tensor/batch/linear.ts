/** The batching rules of products, convolutions and linear systems. */
import type { Node, OpAttrs, PrimitiveName } from "../ir.js";
import { type Batch, type BatchedOperands, BatchedValue, type BatchRules } from "./batched-value.js";

const next = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

/** Returns a result whose tasks are at `axis` with the tasks in front. */
function moveTasksToFront({ o }: Batch, x: Node, axis: number): Node {
  const others = x.shape.map((_, place) => place).filter((place) => place !== axis);
  return o.transpose(x, [axis, ...others]);
}

/** Returns a result [task·a, …] as a batched value. */
function splitTasks(batch: Batch, x: Node): BatchedValue {
  const [all, ...rest] = x.shape;
  return BatchedValue.leading(batch, batch.o.reshape(x, [batch.size, Number(all) / batch.size, ...rest]));
}

function grouped<A extends OpAttrs["conv2d"]>(attrs: A, groups: number): A {
  return { ...attrs, groups };
}

/** Applies an op of windows. It looks at one plane at a time, so any form in which planes stay whole is right. */
function perPlane<K extends "max_pool" | "max_pool_grad" | "max_pool_take" | "avg_pool" | "avg_pool_grad">(
  batch: Batch,
  node: Node<K>,
  inputs: BatchedOperands,
): BatchedValue {
  const { graph } = batch.o;
  const made = (operands: Node[]): Node => graph.op(node.op as K, operands, node.attrs as OpAttrs[K]) as Node;
  return inputs.some((lane) => lane.inChannels)
    ? BatchedValue.channels(batch, made(inputs.map((lane) => lane.channels())))
    : splitTasks(batch, made(inputs.map((lane) => lane.tasksInImages())));
}

export const linearBatches = {
  dot_general: (batch, node, [a, b]) => {
    const { o } = batch;
    const { lhsBatch, rhsBatch, lhsContract, rhsContract } = node.attrs;
    const shared = lhsBatch.length;
    if (b.shared !== undefined) {
      const y = o.dot(a.leading(), b.shared, [next(lhsContract), rhsContract], [next(lhsBatch), rhsBatch]);
      return BatchedValue.leading(batch, moveTasksToFront(batch, y, shared));
    }
    if (a.shared !== undefined) {
      const y = o.dot(a.shared, b.leading(), [lhsContract, next(rhsContract)], [lhsBatch, next(rhsBatch)]);
      return BatchedValue.leading(batch, moveTasksToFront(batch, y, a.shape.length - lhsContract.length));
    }
    const y = o.dot(
      a.leading(),
      b.leading(),
      [next(lhsContract), next(rhsContract)],
      [
        [0, ...next(lhsBatch)],
        [0, ...next(rhsBatch)],
      ],
    );
    return BatchedValue.leading(batch, y);
  },
  conv2d: (batch, node, [x, filters]) => {
    const { attrs } = node;
    const { o, size } = batch;
    if (filters.shared !== undefined) return splitTasks(batch, o.conv2d(x.tasksInImages(), filters.shared, attrs));
    // All tasks have the same images, so one convolution applies the filters of all tasks.
    if (x.shared !== undefined && attrs.groups === 1)
      return BatchedValue.channels(batch, o.conv2d(x.shared, filters.tasksInFirstAxis(), attrs));
    return BatchedValue.channels(
      batch,
      o.conv2d(x.channels(), filters.tasksInFirstAxis(), grouped(attrs, attrs.groups * size)),
    );
  },
  conv2d_input_grad: (batch, node, [dy, filters]) => {
    const { attrs } = node;
    const { o, size } = batch;
    if (filters.shared !== undefined)
      return splitTasks(batch, o.conv2dInputGrad(dy.tasksInImages(), filters.shared, attrs));
    return BatchedValue.channels(
      batch,
      o.conv2dInputGrad(dy.channels(), filters.tasksInFirstAxis(), grouped(attrs, attrs.groups * size)),
    );
  },
  conv2d_filter_grad: (batch, node, [x, dy]) => {
    const { attrs } = node;
    const { o, size } = batch;
    if (x.shared !== undefined && attrs.groups === 1)
      return splitTasks(batch, o.conv2dFilterGrad(x.shared, dy.channels(), attrs));
    return splitTasks(batch, o.conv2dFilterGrad(x.channels(), dy.channels(), grouped(attrs, attrs.groups * size)));
  },
  solve_spd: (batch, _, [a, b]) => {
    const { o, size } = batch;
    if (a.shared === undefined) return BatchedValue.leading(batch, o.solveSpd(a.leading(), b.leading()));
    // All tasks have the same matrix, so their right-hand sides become its columns and it is factored once.
    const rank = b.shape.length;
    const columns = Number(b.shape[rank - 1]);
    const before = b.shape.slice(0, -1);
    const inside = [...before.map((__, axis) => axis + 1), 0, rank];
    const wide = o.reshape(o.transpose(b.leading(), inside), [...before, size * columns]);
    const solved = o.reshape(o.solveSpd(a.shared, wide), [...before, size, columns]);
    return BatchedValue.leading(batch, moveTasksToFront(batch, solved, rank - 1));
  },
  max_pool: perPlane,
  max_pool_grad: perPlane,
  max_pool_take: perPlane,
  avg_pool: perPlane,
  avg_pool_grad: perPlane,
} satisfies Partial<BatchRules<PrimitiveName>>;
