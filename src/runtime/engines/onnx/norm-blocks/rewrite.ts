/**
 * Rewrites convolution → batch norm (→ activation → max pool), forward and backward, so that most passes over the
 * convolution's result go away:
 *
 * - A batch norm cancels a shift of its input. So the convolution's bias is dropped (its gradient is exactly 0), and a bias of
 *   minus the channels' estimated means centers the channels for free. Then E[y²] − E[y]² is an accurate variance.
 * - Max pooling commutes with a function that does not decrease. With the signs of gamma moved into the filters,
 *   max_pool(act(norm(y))) is act(norm(max_pool(y))) with the statistics of the whole y, and everything after the pool is a
 *   quarter of the size. Backward, dgamma and dbeta need the pooled tensors only, and dy is one scatter plus an affine of y.
 * - A convolution that passes no gradient to its input never needs that dy as a whole. Its filter gradient is the sum of the
 *   scatter's filter gradient and of the affine's, which is computed from the Gram matrix of its patches.
 */
import type { Node, OpAttrs } from "../../../../compiler/tensor/ir.js";
import type { Ops } from "../../../../compiler/tensor/ops.js";
import { operand } from "../../lowering.js";
import { type CenteredConv, CenteredConvs } from "./centered-convs.js";
import { activate, activationGradient, affine, withSign } from "./channels.js";
import {
  type ActivationGradient,
  findPatterns,
  isGradientOf,
  isIncreasing,
  type NormedConv,
  type Patterns,
  sameConvolution,
} from "./patterns.js";
import { PooledBlocks } from "./pooled-blocks.js";

/** Up to this many elements in a patch, a Gram matrix of patches is cheaper than two more passes over the result. */
const gramLimit = 32;

export class NormBlocks {
  private readonly patterns: Patterns;
  private readonly convs: CenteredConvs;
  private readonly blocks: PooledBlocks;
  private readonly gradients = new Map<Node, Node>();

  constructor(
    private readonly o: Ops,
    nodes: readonly Node[],
    /** Returns the rewritten form of an original node. */
    private readonly rewritten: (node: Node) => Node,
    /** Collects the nodes whose channels have means near 0. */
    centered: Set<Node>,
  ) {
    this.patterns = findPatterns(nodes);
    this.convs = new CenteredConvs(o, this.patterns, rewritten, centered);
    this.blocks = new PooledBlocks(o, this.patterns, rewritten, this.convs);
  }

  /** Returns the replacement of an original node, or undefined if there is nothing to gain. */
  rewrite(node: Node): Node | undefined {
    switch (node.op) {
      case "relu_grad":
      case "leaky_relu_grad":
        return this.poolBeforeGradient(node);
      case "reduce_sum":
        return this.channelSum(node);
      case "conv2d_filter_grad":
        return this.filterGradient(node);
      case "conv2d_input_grad":
        return this.inputGradient(node);
      case "max_pool": {
        const block = this.patterns.pooled.get(node);
        return block === undefined ? this.poolBeforeActivation(node) : this.blocks.get(block).value;
      }
      case "batch_norm":
      case "batch_mean":
      case "batch_variance":
      case "batch_norm_grad_gamma":
      case "batch_norm_grad_x": {
        const normed = this.patterns.normed.get(operand(node, 0));
        return normed && this.ofNormedConv(node, normed);
      }
      default:
        return undefined;
    }
  }

  private ofNormedConv(
    node: Node<"batch_norm" | "batch_mean" | "batch_variance" | "batch_norm_grad_gamma" | "batch_norm_grad_x">,
    normed: NormedConv,
  ): Node {
    switch (node.op) {
      case "batch_norm":
        return this.norm(node, normed);
      case "batch_mean":
        return this.mean(node, normed);
      case "batch_variance":
        return this.o.batchVariance(this.convs.get(normed).y, node.attrs.groups);
      case "batch_norm_grad_gamma":
        return this.gammaGradient(node, normed);
      case "batch_norm_grad_x":
        return withSign(this.o, this.signedGradient(node, normed), this.convs.get(normed).sign, 1);
    }
  }

  private norm(node: Node<"batch_norm">, normed: NormedConv): Node {
    const { y, sign } = this.convs.get(normed);
    const gamma = withSign(this.o, this.rewritten(operand(node, 1)), sign, 0);
    return this.o.batchNorm(y, gamma, this.rewritten(operand(node, 2)), node.attrs);
  }

  private mean(node: Node<"batch_mean">, normed: NormedConv): Node {
    const { o } = this;
    const { y, mean0, sign } = this.convs.get(normed);
    let mean = o.batchMean(y, node.attrs.groups);
    if (mean0 !== undefined) mean = o.add(mean, o.broadcast(mean0, mean.shape, [1]));
    mean = withSign(o, mean, sign, 1);
    return normed.bias === undefined ? mean : o.add(mean, o.broadcast(this.rewritten(normed.bias), mean.shape, [1]));
  }

  private gammaGradient(node: Node<"batch_norm_grad_gamma">, normed: NormedConv): Node {
    const { o } = this;
    const { y, sign } = this.convs.get(normed);
    const pooled = this.blocks.gradientThroughPool(operand(node, 1));
    if (pooled === undefined || pooled.block.norm.attrs.eps !== node.attrs.eps) {
      const plain = o.graph.op("batch_norm_grad_gamma", [y, this.rewritten(operand(node, 1))], node.attrs);
      return withSign(o, plain, sign, 0);
    }
    const { along } = this.blocks.sums(pooled);
    return withSign(o, o.sum(o.mul(along, this.blocks.get(pooled.block).inverse), [0]), sign, 0);
  }

  /** Returns the gradient of the rewritten convolution, whose filters have the signs. */
  private signedGradient(node: Node<"batch_norm_grad_x">, normed: NormedConv): Node {
    const known = this.gradients.get(node);
    if (known !== undefined) return known;
    const { o } = this;
    const { y, sign } = this.convs.get(normed);
    const pooled = this.blocks.gradientThroughPool(operand(node, 2));
    let made: Node;
    if (pooled !== undefined && pooled.block.norm.inputs[1] === node.inputs[1]) {
      const { scatter, along, shift } = this.blocks.split(pooled, y);
      made = o.add(affine(o, y, along, shift), scatter);
    } else {
      const gamma = withSign(o, this.rewritten(operand(node, 1)), sign, 0);
      made = o.graph.op("batch_norm_grad_x", [y, gamma, this.rewritten(operand(node, 2))], node.attrs);
    }
    this.gradients.set(node, made);
    return made;
  }

  private filterGradient(node: Node<"conv2d_filter_grad">): Node | undefined {
    const dy = operand(node, 1);
    if (dy.op !== "batch_norm_grad_x") return undefined;
    const normed = this.patterns.normed.get(operand(dy, 0));
    if (normed === undefined) return undefined;
    const { o } = this;
    const conv = this.convs.get(normed);
    const own = this.rewritten(operand(node, 0)) === conv.x && sameConvolution(node.attrs, normed.conv.attrs);
    const [, inner = 1, kh = 1, kw = 1] = conv.filters.shape;
    const pooled = this.blocks.gradientThroughPool(operand(dy, 2));
    if (
      !own ||
      pooled === undefined ||
      conv.mean0 === undefined ||
      inner * kh * kw > gramLimit ||
      this.patterns.passedOn.has(dy) ||
      pooled.block.norm.attrs.groups !== 1
    ) {
      const x = this.rewritten(operand(node, 0));
      return withSign(o, o.conv2dFilterGrad(x, this.signedGradient(dy, normed), node.attrs), conv.sign, 0);
    }
    const { scatter, along, shift } = this.blocks.split(pooled, conv.y);
    const ofScatter = o.conv2dFilterGrad(conv.x, scatter, node.attrs);
    const ofAffine = affineFilterGradient(o, node.attrs, conv, conv.mean0, along, shift);
    return withSign(o, o.add(ofScatter, ofAffine), conv.sign, 0);
  }

  private inputGradient(node: Node<"conv2d_input_grad">): Node | undefined {
    const dy = operand(node, 0);
    if (dy.op !== "batch_norm_grad_x") return undefined;
    const normed = this.patterns.normed.get(operand(dy, 0));
    if (normed === undefined) return undefined;
    const { filters, sign } = this.convs.get(normed);
    const own = operand(node, 1) === operand(normed.conv, 1);
    const signedFilters = own ? filters : withSign(this.o, this.rewritten(operand(node, 1)), sign, 0);
    return this.o.conv2dInputGrad(this.signedGradient(dy, normed), signedFilters, node.attrs);
  }

  /** Rewrites a sum over every place of a channel: it is 0 for a batch norm's gradient, and the pooled sum for a scatter. */
  private channelSum(node: Node<"reduce_sum">): Node | undefined {
    const x = operand(node, 0);
    if (x.shape.length !== 4 || node.attrs.axes.join() !== "0,2,3") return undefined;
    if (x.op === "batch_norm_grad_x") return this.o.full(node.shape, 0);
    const pooled = this.blocks.gradientThroughPool(x);
    return pooled && this.o.sum(this.blocks.sums(pooled).total, [0]);
  }

  /** max_pool(act(x)) = act(max_pool(x)) */
  private poolBeforeActivation(node: Node<"max_pool">): Node | undefined {
    const activation = operand(node, 0);
    if (!isIncreasing(activation)) return undefined;
    return activate(this.o, activation, this.o.maxPool(this.rewritten(operand(activation, 0)), node.attrs));
  }

  /** act_grad(x, max_pool_grad(act(x), y, dy)) = max_pool_grad(x, max_pool(x), act_grad(max_pool(x), dy)) */
  private poolBeforeGradient(node: ActivationGradient): Node | undefined {
    const [x, scatter] = [operand(node, 0), operand(node, 1)];
    if (scatter.op !== "max_pool_grad" || this.patterns.pooled.has(operand(scatter, 1))) return undefined;
    const activation = operand(scatter, 0);
    if (!isIncreasing(activation) || !isGradientOf(node, activation) || operand(activation, 0) !== x) return undefined;
    const inner = this.rewritten(x);
    const pooled = this.o.maxPool(inner, scatter.attrs);
    const dy = activationGradient(this.o, node, pooled, this.rewritten(operand(scatter, 2)));
    return this.o.maxPoolGrad(inner, pooled, dy, scatter.attrs);
  }
}

/** Returns the filter gradient for dy = along·y + shift with y = filters∗x − mean0, from sums over patches of x, not over y. */
function affineFilterGradient(
  o: Ops,
  attrs: OpAttrs["conv2d_filter_grad"],
  { x, filters }: CenteredConv,
  mean0: Node,
  along: Node,
  shift: Node,
): Node {
  const [outer = 1, inner = 1, kh = 1, kw = 1] = filters.shape;
  const size = inner * kh * kw;
  const identity = new Float64Array(size * size);
  for (let k = 0; k < size; k++) identity[k * size + k] = 1;
  const patches = o.conv2d(x, o.constant([size, inner, kh, kw], identity), attrs);
  const gram = o.reshape(o.conv2dFilterGrad(x, patches, attrs), [size, size]);
  const total = o.sum(patches, [0, 2, 3]);
  const rows = o.reshape(along, [outer]);
  const shifts = o.sub(o.reshape(shift, [outer]), o.mul(rows, mean0));
  const products = o.dot(o.reshape(filters, [outer, size]), gram, [[1], [0]]);
  const first = o.mul(products, o.broadcast(rows, products.shape, [0]));
  const second = o.mul(o.broadcast(shifts, products.shape, [0]), o.broadcast(total, products.shape, [1]));
  return o.reshape(o.add(first, second), filters.shape);
}
