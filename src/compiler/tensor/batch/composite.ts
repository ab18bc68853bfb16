/** The batching rules of composite ops: norms, pools and softmax. */
import { CompilerBug } from "../../../common/bug.js";
import type { CompositeName, Node, OpAttrs } from "../ir.js";
import { type Batch, type BatchedOperands, BatchedValue, type BatchRules, leadingRule } from "./batched-value.js";
import { inAnyForm } from "./elementwise.js";

type Normalizing = "batch_norm" | "batch_norm_grad_x" | "channel_affine";

/**
 * Returns the rule of an op on images with per-channel values, which are the operands `perChannel`. If all tasks share
 * the values, tasks are further groups of images. If each task has its own values, tasks are further channels.
 */
const normalizing =
  <K extends Normalizing>(perChannel: readonly number[]) =>
  (batch: Batch, node: Node<K>, inputs: BatchedOperands): BatchedValue => {
    const { o, size } = batch;
    const own = inputs.some((lane, place) => perChannel.includes(place) && lane.shared === undefined);
    const inChannels = own || inputs.some((lane) => lane.inChannels);
    const operands = inputs.map((lane, place) => {
      if (perChannel.includes(place)) return inChannels ? lane.tasksInFirstAxis() : shared(lane);
      return inChannels ? lane.channels() : lane.tasksInImages();
    });
    const more = !inChannels && "groups" in node.attrs ? { groups: node.attrs.groups * size } : {};
    const made = o.graph.op(node.op as K, operands, { ...node.attrs, ...more } as OpAttrs[K]) as Node;
    if (inChannels) return BatchedValue.channels(batch, made);
    return BatchedValue.leading(batch, o.reshape(made, [size, ...node.shape]));
  };

function shared(lane: BatchedValue): Node {
  if (lane.shared === undefined) throw new CompilerBug("a per-channel value is each task's own");
  return lane.shared;
}

const statistic = <K extends "batch_mean" | "batch_variance">(
  batch: Batch,
  node: Node<K>,
  [x]: BatchedOperands,
): BatchedValue => {
  const { o, size } = batch;
  const [groups, c] = node.shape as [number, number];
  if (!x.inChannels) {
    const made = o.graph.op(node.op as K, [x.tasksInImages()], { groups: groups * size }) as Node;
    return BatchedValue.leading(batch, o.reshape(made, [size, groups, c]));
  }
  const made = o.graph.op(node.op as K, [x.channels()], node.attrs) as Node;
  return BatchedValue.leading(batch, o.transpose(o.reshape(made, [groups, size, c]), [1, 0, 2]));
};

const along = leadingRule<"softmax" | "softmax_grad" | "log_softmax" | "log_softmax_grad">(({ axis }) => ({
  axis: axis + 1,
}));

export const compositeBatches = {
  relu: inAnyForm,
  relu_grad: inAnyForm,
  leaky_relu: inAnyForm,
  leaky_relu_grad: inAnyForm,
  batch_norm: normalizing([1, 2]),
  batch_norm_grad_x: normalizing([1]),
  batch_norm_grad_gamma: (batch, node, [x, dy]) => {
    const { o, size } = batch;
    const made = o.graph.op(node.op, [x.channels(), dy.channels()], node.attrs);
    return BatchedValue.leading(batch, o.reshape(made, [size, ...node.shape]));
  },
  batch_mean: statistic,
  batch_variance: statistic,
  channel_affine: normalizing([1, 2]),
  softmax: along,
  softmax_grad: along,
  log_softmax: along,
  log_softmax_grad: along,
  // Each task has its own key, and one use of the op takes one key.
  random_bits: (batch, node, [key, counter]) => {
    const { o, size } = batch;
    const of = (lane: BatchedValue, task: number): Node =>
      o.reshape(o.sliceAxis(lane.leading(), 0, task, task + 1), lane.shape);
    const streams = Array.from({ length: size }, (_, task) =>
      o.reshape(o.randomBits(of(key, task), of(counter, task), node.attrs.shape), [1, ...node.shape]),
    );
    return BatchedValue.leading(batch, o.concat(streams, 0));
  },
} satisfies BatchRules<CompositeName>;
