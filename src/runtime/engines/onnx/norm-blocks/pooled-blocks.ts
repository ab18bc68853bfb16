/**
 * Blocks of batch norm, activation and max pool, rewritten as max pool, batch norm, activation, with the statistics of the
 * tensor before the pool. Their gradients need the pooled tensors only.
 */
import type { Node } from "../../../../compiler/tensor/ir.js";
import type { Ops } from "../../../../compiler/tensor/ops.js";
import { operand } from "../../lowering.js";
import type { CenteredConvs } from "./centered-convs.js";
import { activate, activationGradient, affine, groupSum, perGroup, withSign } from "./channels.js";
import { gradientOps, isActivationGradient, type NormedConv, type Patterns, type PooledBlock } from "./patterns.js";

/** A rewritten block. The statistics and `scale` are [groups, c]. */
interface PooledParts {
  /** The max pool of the convolution. */
  readonly q: Node;
  readonly mean: Node;
  /** 1/√(variance + eps) */
  readonly inverse: Node;
  /** gamma · inverse */
  readonly scale: Node;
  /** The batch norm of q. */
  readonly normed: Node;
  /** The activation of `normed`: the result of the block. */
  readonly value: Node;
}

/** The gradient of a block, at the size after the pool. */
export interface PooledGradient {
  readonly block: PooledBlock;
  readonly g: Node;
}

export class PooledBlocks {
  private readonly made = new Map<PooledBlock, PooledParts>();

  constructor(
    private readonly o: Ops,
    private readonly patterns: Patterns,
    /** Returns the rewritten form of an original node. */
    private readonly rewritten: (node: Node) => Node,
    private readonly convs: CenteredConvs,
  ) {}

  /** Returns the rewritten form of a block; it is made once. */
  get(block: PooledBlock): PooledParts {
    const known = this.made.get(block);
    if (known !== undefined) return known;
    const { o, rewritten } = this;
    const { groups, eps } = block.norm.attrs;
    const { y, sign } = this.convs.get(this.patterns.normed.get(operand(block.norm, 0)) as NormedConv);
    const q = o.maxPool(y, block.pool.attrs);
    const mean = o.batchMean(y, groups);
    const inverse = o.rsqrt(o.add(o.batchVariance(y, groups), eps));
    const gamma = withSign(o, rewritten(operand(block.norm, 1)), sign, 0);
    const scale = o.mul(inverse, o.broadcast(gamma, inverse.shape, [1]));
    const beta = o.broadcast(rewritten(operand(block.norm, 2)), scale.shape, [1]);
    const normed = affine(o, q, scale, o.sub(beta, o.mul(scale, mean)));
    const made = { q, mean, inverse, scale, normed, value: activate(o, block.activation, normed) };
    this.made.set(block, made);
    return made;
  }

  /** If `gradient` comes from the max pool of a block, through its activation, returns that block and the gradient after the pool. */
  gradientThroughPool(gradient: Node): PooledGradient | undefined {
    const through = isActivationGradient(gradient) ? gradient : undefined;
    const scatter = through === undefined ? gradient : operand(through, 1);
    if (scatter.op !== "max_pool_grad") return undefined;
    const block = this.patterns.pooled.get(operand(scatter, 1));
    if (block === undefined) return undefined;
    const { norm, activation } = block;
    if (operand(scatter, 0) !== (activation ?? norm)) return undefined;
    const fits =
      through === undefined
        ? activation === undefined
        : activation !== undefined && gradientOps[activation.op] === through.op && operand(through, 0) === norm;
    if (!fits) return undefined;
    const dp = this.rewritten(operand(scatter, 2));
    const { normed } = this.get(block);
    return { block, g: through === undefined ? dp : activationGradient(this.o, through, normed, dp) };
  }

  /** Returns Σ g and Σ g·(q − mean), both [groups, c]. */
  sums({ block, g }: PooledGradient): { total: Node; along: Node } {
    const { groups } = block.norm.attrs;
    const { q, mean } = this.get(block);
    const total = groupSum(this.o, g, groups);
    return { total, along: groupSum(this.o, this.o.mul(g, perGroup(this.o, "sub", q, mean)), groups) };
  }

  /** Returns the gradient of the convolution's result y in three parts: dy = scatter + along·y + shift. */
  split(gradient: PooledGradient, y: Node): { scatter: Node; along: Node; shift: Node } {
    const { o } = this;
    const { block, g } = gradient;
    const { groups } = block.norm.attrs;
    const { q, mean, inverse, scale } = this.get(block);
    const [n = 1, , h = 1, w = 1] = y.shape;
    const count = (n / groups) * h * w;
    const sums = this.sums(gradient);
    const along = o.mul(o.mul(o.mul(scale, o.square(inverse)), sums.along), -1 / count);
    const shift = o.sub(o.mul(o.mul(scale, sums.total), -1 / count), o.mul(along, mean));
    return { scatter: o.maxPoolGrad(y, q, perGroup(o, "mul", g, scale), block.pool.attrs), along, shift };
  }
}
