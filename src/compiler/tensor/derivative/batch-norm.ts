/**
 * The second derivative of a batch norm, which MAML needs in every layer. It is written with composites, because engines compute those
 * in one pass: the decomposition of the gradient would be differentiated node by node, to some twenty passes over the images.
 */
import type { Node } from "../ir.js";
import type { Ops } from "../ops.js";
import { operands } from "./rule.js";

/** Returns the sum of [n, c, h, w] over all axes but c. */
export const perChannel = (o: Ops, x: Node): Node => o.sum(x, [0, 2, 3]);

/** Returns the statistic [groups, c] of each pool repeated to the shape of x [n, c, h, w]. */
export function overPools(o: Ops, statistic: Node, x: Node, groups: number): Node {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  return o.reshape(o.broadcast(statistic, [groups, n / groups, c, h, w], [0, 2]), x.shape);
}

/** Returns the number of elements in a pool. */
export function poolSize(x: Node, groups: number): number {
  const [n, , h, w] = x.shape as [number, number, number, number];
  return (n / groups) * h * w;
}

/** Returns the sum [groups, c] over each pool of x [n, c, h, w]. */
function perPool(o: Ops, x: Node, groups: number): Node {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  if (groups === 1) return o.reshape(perChannel(o, x), [1, c]);
  return o.sum(o.reshape(x, [groups, n / groups, c, h * w]), [1, 3]);
}

/** Returns x minus the mean of its pool. */
const centered = (o: Ops, x: Node, groups: number): Node => o.sub(x, overPools(o, o.batchMean(x, groups), x, groups));

type Gradient = Node<"batch_norm_grad_x">;

/** Returns 1 / √(variance + eps) of each pool of the images [groups, c]. */
function inverseDeviation(o: Ops, { inputs: [x], attrs: { eps, groups } }: Gradient): Node {
  return o.rsqrt(o.add(o.batchVariance(x as Node, groups), eps));
}

/** Returns Σ v·x̂ over each pool [groups, c], where x̂ are the normalized images of the gradient y. */
function alongUnit(o: Ops, y: Gradient, v: Node): Node {
  const [x] = operands(y);
  const { groups } = y.attrs;
  if (groups === 1) return o.reshape(o.graph.op("batch_norm_grad_gamma", [x, v], y.attrs), [1, x.shape[1] ?? 1]);
  return o.mul(perPool(o, o.mul(v, centered(o, x, groups)), groups), inverseDeviation(o, y));
}

/** Returns Σ t·∂y/∂γ over each pool [groups, c]. The gradient y is linear in γ, so that ∂y/∂γ is y for a γ of ones. */
function alongScale(o: Ops, y: Gradient, t: Node): Node {
  return perPool(o, o.mul(t, withoutScale(o, y)), y.attrs.groups);
}

/** Returns the gradient y for a γ of ones. */
function withoutScale(o: Ops, y: Gradient): Node {
  const [x, gamma, dy] = operands(y);
  return o.graph.op("batch_norm_grad_x", [x, o.full(gamma.shape, 1), dy], y.attrs);
}

/** Returns the derivative of the gradient y by its γ [c], along t. */
export const byScale = (o: Ops, y: Gradient, t: Node): Node => o.sum(alongScale(o, y, t), [0]);

/**
 * Returns the derivative of the gradient y by its images, along t. In a pool of N elements, with s = 1/√(variance + eps) and u = y for
 * a γ of ones, it is −s/N · (γ·Σ(t·u)·x̂ + Σ(dy·x̂)·y(t) + γ·Σ(t·x̂)·u), where y(t) is the gradient with t in the place of dy.
 */
export function byImages(o: Ops, y: Gradient, t: Node): Node {
  const [x, gamma, dy] = operands(y);
  const { groups } = y.attrs;
  const scale = inverseDeviation(o, y);
  const share = o.mul(scale, -1 / poolSize(x, groups));
  const scaled = o.mul(share, o.broadcast(gamma, share.shape, [1]));
  const times = (images: Node, factor: Node): Node => o.mul(images, overPools(o, factor, x, groups));
  const ofX = times(centered(o, x, groups), o.mul(o.mul(scaled, scale), alongScale(o, y, t)));
  const ofT = times(o.graph.op("batch_norm_grad_x", [x, gamma, t], y.attrs), o.mul(share, alongUnit(o, y, dy)));
  const ofDy = times(withoutScale(o, y), o.mul(scaled, alongUnit(o, y, t)));
  return o.add(o.add(ofX, ofT), ofDy);
}
