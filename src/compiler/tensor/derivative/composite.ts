/**
 * Derivatives of composites. The derivative of a composite is a composite again, so that engines can fuse the backward
 * pass as they fuse the forward one. If a `*_grad` is not linear in an operand, the derivative uses its decomposition.
 */
import type { CompositeName } from "../ir.js";
import { byImages, byScale, overPools, perChannel, poolSize } from "./batch-norm.js";
import { type DerivativeRules, flat, operands } from "./rule.js";

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
  // In dy it is linear and its own transpose.
  batch_norm_grad_x: (o, y, t) => {
    const [x, gamma] = operands(y);
    return [
      () => byImages(o, y, t),
      () => byScale(o, y, t),
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
