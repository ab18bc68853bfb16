/**
 * Derivatives of composites. The derivative of a composite is a composite again, so that engines can fuse the backward
 * pass as they fuse the forward one. If a `*_grad` is not linear in an operand, the derivative uses its decomposition.
 */
import type { CompositeName, Node } from "../ir.js";
import type { Ops } from "../ops.js";
import { type DerivativeRules, flat, operands } from "./rule.js";

/** Returns the sum of [n, c, h, w] over all axes but c. */
const perChannel = (o: Ops, x: Node): Node => o.sum(x, [0, 2, 3]);

/** Returns the statistic [groups, c] of each pool repeated to the shape of x [n, c, h, w]. */
function overPools(o: Ops, statistic: Node, x: Node, groups: number): Node {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  return o.reshape(o.broadcast(statistic, [groups, n / groups, c, h, w], [0, 2]), x.shape);
}
/** Returns the number of elements in a pool. */
function poolSize(x: Node, groups: number): number {
  const [n, , h, w] = x.shape as [number, number, number, number];
  return (n / groups) * h * w;
}

export const compositeDerivatives = {
  relu: (o, y, dy) => [() => o.graph.op("relu_grad", [operands(y)[0], dy], {})],
  relu_grad: (o, y, t) => ["none", () => o.graph.op("relu_grad", [operands(y)[0], t], {})],
  leaky_relu: (o, y, dy) => [() => o.graph.op("leaky_relu_grad", [operands(y)[0], dy], y.attrs)],
  leaky_relu_grad: (o, y, t) => ["none", () => o.graph.op("leaky_relu_grad", [operands(y)[0], t], y.attrs)],
  batch_norm: (o, y, dy) => {
    const [x, gamma] = operands(y);
    return [
      () => o.graph.op("batch_norm_grad_x", [x, gamma, dy], y.attrs),
      () => o.graph.op("batch_norm_grad_gamma", [x, dy], y.attrs),
      () => perChannel(o, dy),
    ];
  },
  // In dy it is linear and its own transpose; in gamma it is linear too.
  batch_norm_grad_x: (o, y, t) => {
    const [x, gamma, dy] = operands(y);
    const unit = o.full(gamma.shape, 1);
    return [
      "viaDecomposition",
      () => perChannel(o, o.mul(t, o.graph.op("batch_norm_grad_x", [x, unit, dy], y.attrs))),
      () => o.graph.op("batch_norm_grad_x", [x, gamma, t], y.attrs),
    ];
  },
  // Σ dy·x̂ weighted by t is a batch norm of gamma t met by dy.
  batch_norm_grad_gamma: (o, y, t) => {
    const [x, dy] = operands(y);
    return [
      () => o.graph.op("batch_norm_grad_x", [x, t, dy], y.attrs),
      () => o.batchNorm(x, t, o.zerosLike(t), y.attrs),
    ];
  },
  batch_mean: (o, y, dy) => {
    const [x] = operands(y);
    const { groups } = y.attrs;
    return [() => overPools(o, o.mul(dy, 1 / poolSize(x, groups)), x, groups)];
  },
  batch_variance: (o, y, dy) => {
    const [x] = operands(y);
    const { groups } = y.attrs;
    return [
      () => {
        const centered = o.sub(x, overPools(o, o.batchMean(x, groups), x, groups));
        return o.mul(centered, overPools(o, o.mul(dy, 2 / poolSize(x, groups)), x, groups));
      },
    ];
  },
  channel_affine: (o, y, dy) => {
    const [x, scale] = operands(y);
    return [
      () => o.channelAffine(dy, scale, o.zerosLike(scale)),
      () => perChannel(o, o.mul(dy, x)),
      () => perChannel(o, dy),
    ];
  },
  softmax: (o, y, dy) => [() => o.graph.op("softmax_grad", [y, dy], y.attrs)],
  softmax_grad: (o, y, t) => ["viaDecomposition", () => o.graph.op("softmax_grad", [operands(y)[0], t], y.attrs)],
  log_softmax: (o, y, dy) => [() => o.graph.op("log_softmax_grad", [y, dy], y.attrs)],
  log_softmax_grad: () => ["viaDecomposition", "viaDecomposition"],
  random_bits: flat(2),
} satisfies DerivativeRules<CompositeName>;
