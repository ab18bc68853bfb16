/** The rules by which the ops of a program become steps: one exhaustive table. */
import type { CompositeName, Node, OpName } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import { operand } from "../lowering.js";
import type { Builder } from "./builder.js";
import { solve } from "./kernels/linear.js";
import { randomBits } from "./kernels/random.js";
import { argmax, scatterAdd, topK } from "./kernels/select.js";
import { averagePool, averagePoolGrad } from "./kernels/window.js";
import { add, constant } from "./loops/affine.js";
import type { LoopOp } from "./loops/expressions.js";
import { rowMajor } from "./loops/layout.js";
import { isChannelSum } from "./patterns.js";
import { convolve, convolveFilterGrad, convolveInputGrad } from "./primitives/convolution.js";
import { computeByPrimitive } from "./primitives/elementwise.js";
import { normalize, normGradients, statistic } from "./primitives/norm.js";
import { poolMaximum, poolMaximumGrad, takeWinners } from "./primitives/pool.js";
import { multiply } from "./primitives/product.js";

type Rule<K extends OpName> = (b: Builder, node: Node<K>) => void;

/** The composites that are written in primitive ops before a program is lowered. */
export const decomposedOps = [
  "channel_affine",
  "softmax",
  "softmax_grad",
  "log_softmax",
  "log_softmax_grad",
] as const satisfies readonly CompositeName[];

const rules: { readonly [K in Exclude<OpName, LoopOp | (typeof decomposedOps)[number] | "input">]: Rule<K> } = {
  reduce_sum: (b, node) => {
    const [gradient] = isChannelSum(node) ? b.patterns.normGradientsOf(operand(node, 0)) : [];
    if (gradient !== undefined) b.compute(gradient);
    if (!b.isHeld(node)) b.reduce(node, node.attrs.axes, { start: "0", combine: (sum, value) => `${sum}+${value}` });
  },
  reduce_max: (b, node) =>
    b.reduce(node, node.attrs.axes, { start: "-Infinity", combine: (best, value) => `Math.max(${best},${value})` }),
  argmax: (b, node) => {
    const x = operand(node, 0);
    b.addKernel("argmax", argmax(x.shape, node.attrs.axis), [b.plain(x)], [b.result(node)]);
  },
  top_k: (b, node) => {
    const x = operand(node, 0);
    b.addKernel("top_k", topK(x.shape, node.attrs.axis, node.attrs.k), [b.plain(x)], [b.result(node)]);
  },
  scatter_add: (b, node) => {
    const [updates, indices] = [operand(node, 0), operand(node, 1)];
    const { axis, batch, size } = node.attrs;
    const run = scatterAdd({
      batches: elementCount(updates.shape.slice(0, batch)),
      before: elementCount(updates.shape.slice(batch, axis)),
      count: elementCount(indices.shape.slice(batch)),
      size,
      run: elementCount(node.shape.slice(axis + 1)),
    });
    b.addKernel("scatter_add", run, [b.plain(updates), b.plain(indices)], [b.result(node)]);
  },
  pad: (b, node) => {
    const slot = b.assembled(node);
    const { low, value } = node.attrs;
    b.addKernel("fill", (y) => void y?.fill(value), [], [slot]);
    b.copy(
      "pad",
      operand(node, 0),
      slot,
      (index) => index.map((each, axis) => add(each, constant(low[axis] ?? 0))),
      rowMajor(node.shape),
    );
  },
  concat: (b, node) => {
    const slot = b.assembled(node);
    const { axis } = node.attrs;
    let before = 0;
    for (const part of node.inputs) {
      const start = before;
      b.copy(
        "concat",
        part,
        slot,
        (index) => index.map((each, place) => (place === axis ? add(each, constant(start)) : each)),
        rowMajor(node.shape),
      );
      before += part.shape[axis] ?? 1;
    }
  },
  dot_general: multiply,
  solve_spd: (b, node) => {
    const [a, right] = [operand(node, 0), operand(node, 1)];
    const [n, m] = node.shape.slice(-2) as [number, number];
    const batches = elementCount(node.shape.slice(0, -2));
    b.addKernel("solve", solve(batches, n, m), [b.plain(a), b.plain(right)], [b.result(node)]);
  },
  conv2d: (b, node) => convolve(b, node, { node }),
  conv2d_input_grad: convolveInputGrad,
  conv2d_filter_grad: convolveFilterGrad,
  batch_norm: (b, node) => normalize(b, node, undefined),
  batch_norm_grad_x: normGradients,
  batch_norm_grad_gamma: normGradients,
  batch_mean: statistic,
  batch_variance: statistic,
  max_pool: poolMaximum,
  max_pool_grad: poolMaximumGrad,
  max_pool_take: takeWinners,
  avg_pool: (b, node) => {
    const x = operand(node, 0);
    b.addKernel("avg_pool", averagePool(x.shape, node.attrs), [b.plain(x)], [b.result(node)]);
  },
  avg_pool_grad: (b, node) => {
    b.addKernel(
      "avg_pool_grad",
      averagePoolGrad(node.shape, node.attrs),
      [b.plain(operand(node, 0))],
      [b.result(node)],
    );
  },
  random_bits: (b, node) => {
    const inputs = node.inputs.map((input) => b.plain(input));
    b.addKernel("random_bits", randomBits(elementCount(node.shape)), inputs, [b.result(node)]);
  },
};

/** Writes a node to memory. */
export function lowerNode(b: Builder, node: Node): void {
  const norm = b.patterns.normOf(node);
  if (norm !== undefined) {
    b.within(norm, () => normalize(b, norm, node));
    return;
  }
  const tail = b.patterns.tailOf(node);
  if (tail !== undefined) {
    b.within(tail.conv, () => convolve(b, tail.conv, { ...tail, node }));
    return;
  }
  if (b.patterns.elementwise.has(node)) {
    computeByPrimitive(b, node);
    return;
  }
  const rule = (rules as Partial<Record<OpName, Rule<OpName>>>)[node.op];
  if (rule !== undefined) rule(b, node);
  else b.computeByLoop(node);
}
