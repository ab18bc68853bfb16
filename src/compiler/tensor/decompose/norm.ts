/** Batch norm and its relatives: statistics of each channel over each of `groups` equal runs of images. */
import type { CompositeName, Node } from "../ir.js";
import type { Ops } from "../ops.js";
import type { Decompositions } from "./rule.js";

/** Views x [n, c, h, w] as [groups, n/groups, c, h·w], whose axes 1 and 3 are one channel's pool. */
class Pools {
  private readonly shape: readonly number[];
  private readonly c: number;

  constructor(
    readonly o: Ops,
    x: Node,
    readonly groups: number,
  ) {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    this.shape = [groups, n / groups, c, h * w];
    this.c = c;
  }
  view(x: Node): Node {
    return this.o.reshape(x, this.shape);
  }
  mean(view: Node): Node {
    return this.o.mean(view, [1, 3]);
  }
  /** Returns a statistic [groups, c] repeated over its pools. */
  spread(statistic: Node): Node {
    return this.o.spread(statistic, this.shape, [1, 3]);
  }
  /** Returns values [c] repeated over every pool. */
  channels(values: Node): Node {
    return this.o.broadcast(values, this.shape, [2]);
  }
  /** Returns deviations from the mean of the pool, and their mean square: the biased variance, which is never below 0. */
  moments(view: Node): { centered: Node; variance: Node } {
    const centered = this.o.sub(view, this.spread(this.mean(view)));
    return { centered, variance: this.mean(this.o.square(centered)) };
  }
  /** Returns (x − mean) / √(variance + eps), and the factor 1 / √(variance + eps). */
  normalized(view: Node, eps: number): { unit: Node; scale: Node } {
    const { centered, variance } = this.moments(view);
    const scale = this.o.rsqrt(this.o.add(variance, eps));
    return { unit: this.o.mul(centered, this.spread(scale)), scale };
  }
  get channelCount(): number {
    return this.c;
  }
}

export const normDecompositions = {
  batch_norm: (o, [x, gamma, beta], { eps, groups }) => {
    const pools = new Pools(o, x, groups);
    const { unit } = pools.normalized(pools.view(x), eps);
    return o.reshape(o.add(o.mul(unit, pools.channels(gamma)), pools.channels(beta)), x.shape);
  },
  // γ·s·(dy − mean(dy) − x̂·mean(dy·x̂)), s = 1/√(variance + eps)
  batch_norm_grad_x: (o, [x, gamma, dy], { eps, groups }) => {
    const pools = new Pools(o, x, groups);
    const { unit, scale } = pools.normalized(pools.view(x), eps);
    const g = pools.view(dy);
    const along = o.mul(unit, pools.spread(pools.mean(o.mul(g, unit))));
    const across = o.sub(o.sub(g, pools.spread(pools.mean(g))), along);
    const factor = o.mul(scale, o.broadcast(gamma, [groups, pools.channelCount], [1]));
    return o.reshape(o.mul(across, pools.spread(factor)), x.shape);
  },
  batch_norm_grad_gamma: (o, [x, dy], { eps, groups }) => {
    const pools = new Pools(o, x, groups);
    const { unit } = pools.normalized(pools.view(x), eps);
    return o.sum(o.mul(pools.view(dy), unit), [0, 1, 3]);
  },
  batch_mean: (o, [x], { groups }) => {
    const pools = new Pools(o, x, groups);
    return pools.mean(pools.view(x));
  },
  batch_variance: (o, [x], { groups }) => {
    const pools = new Pools(o, x, groups);
    return pools.moments(pools.view(x)).variance;
  },
  channel_affine: (o, [x, scale, shift]) =>
    o.add(o.mul(x, o.broadcast(scale, x.shape, [1])), o.broadcast(shift, x.shape, [1])),
} satisfies Partial<Decompositions<CompositeName>>;
