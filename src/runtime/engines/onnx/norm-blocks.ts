/**
 * convolution → batch norm (→ activation → max pool), forward and backward, rewritten so that most passes over the
 * convolution's result go away:
 *
 * - A shift of its input changes nothing in a batch norm: the convolution's bias is dropped (its gradient is exactly 0),
 *   and the channels are centred for free by a bias of minus their estimated mean, so that E[y²] − E[y]² is accurate.
 * - Pooling commutes with what does not fall: with the signs of gamma moved into the filters, max_pool(act(norm(y)))
 *   is act(norm(max_pool(y))) with the statistics of the whole y, and everything after the pool is a quarter the size.
 *   Backward, dgamma and dbeta need the pooled tensors only, and dy is one scatter plus one affine of y.
 * - A convolution that passes no gradient to its input never needs that dy: its filter gradient is the sum of the
 *   scatter's, and of the affine's by the Gram matrix of its patches.
 */
import type { ConvAttrs, Node, OpAttrs } from "../../../compiler/tensor/ir.js";
import type { Ops } from "../../../compiler/tensor/ops.js";

/** Up to this many patch elements a Gram matrix of patches is cheaper than two more passes over the result. */
const gramLimit = 32;

type Activation = "relu" | "leaky_relu";
const gradientOf = { relu_grad: "relu", leaky_relu_grad: "leaky_relu" } as const;

/** A convolution under a batch norm, with the bias that the norm makes void. */
interface Normed {
  readonly y: Node;
  readonly conv: Node<"conv2d">;
  readonly bias: Node | undefined;
}

/** The rewritten convolution: y = sign·(centred + mean0) + bias. */
interface Centred {
  readonly y: Node;
  readonly filters: Node;
  readonly x: Node;
  readonly mean0: Node | undefined;
  /** ±1 per channel where the block is pooled. */
  readonly sign: Node | undefined;
}

/** batch_norm → activation? → max_pool, on the original nodes. */
interface Pooled {
  readonly norm: Node<"batch_norm">;
  readonly activation: Node<Activation> | undefined;
  readonly pool: Node<"max_pool">;
}

/** The pooled block rewritten; `scale` and `inverse` are [groups, c]. */
interface PooledParts {
  readonly q: Node;
  readonly mean: Node;
  readonly inverse: Node;
  readonly scale: Node;
  readonly normed: Node;
  readonly value: Node;
}

export class NormBlocks {
  private readonly normed = new Map<Node, Normed>();
  private readonly pooled = new Map<Node, Pooled>();
  private readonly made = new Map<Node, Centred>();
  private readonly parts = new Map<Pooled, PooledParts>();
  private readonly gradients = new Map<Node, Node>();
  /** Gradients of normed convolutions' results that some input gradient needs whole. */
  private readonly passedOn = new Set<Node>();

  constructor(
    private readonly o: Ops,
    nodes: readonly Node[],
    /** The rewritten form of an original node. */
    private readonly of: (node: Node) => Node,
    private readonly centred: Set<Node>,
  ) {
    const gammas = new Map<Node, Set<Node>>();
    for (const node of nodes) {
      if (node.op === "batch_norm") {
        const [y, gamma] = [input(node, 0), input(node, 1)];
        const found = normedConv(y);
        if (found !== undefined) this.normed.set(y, found);
        gammas.set(y, (gammas.get(y) ?? new Set()).add(gamma));
      }
      if (node.op === "max_pool") {
        const found = pooledBlock(node);
        if (found !== undefined && this.normed.has(input(found.norm, 0))) this.pooled.set(node, found);
      }
      if (node.op === "conv2d_input_grad") this.passedOn.add(input(node, 0));
    }
    // One convolution has one set of signs.
    for (const [pool, { norm }] of this.pooled) {
      const y = input(norm, 0);
      if (gammas.get(y)?.size !== 1 || dependsOn(input(norm, 1), y)) this.pooled.delete(pool);
    }
  }

  /** What stands in the original node's place, or undefined where nothing is to be gained. */
  rewrite(node: Node): Node | undefined {
    switch (node.op) {
      case "batch_norm": {
        const normed = this.normed.get(input(node, 0));
        return normed && this.norm(node, normed);
      }
      case "max_pool": {
        const block = this.pooled.get(node);
        if (block !== undefined) return this.partsOf(block).value;
        return this.exchanged(node);
      }
      case "batch_mean": {
        const normed = this.normed.get(input(node, 0));
        return normed && this.mean(node, normed);
      }
      case "batch_variance": {
        const normed = this.normed.get(input(node, 0));
        return normed && this.o.batchVariance(this.centre(normed).y, node.attrs.groups);
      }
      case "relu_grad":
      case "leaky_relu_grad":
        return this.exchangedGradient(node);
      case "reduce_sum":
        return this.sum(node);
      case "batch_norm_grad_gamma": {
        const normed = this.normed.get(input(node, 0));
        return normed && this.gammaGradient(node, normed);
      }
      case "batch_norm_grad_x": {
        const normed = this.normed.get(input(node, 0));
        return normed && this.signed(this.gradient(node, normed), this.centre(normed).sign, 1);
      }
      case "conv2d_filter_grad":
        return this.filterGradient(node);
      case "conv2d_input_grad":
        return this.inputGradient(node);
      default:
        return undefined;
    }
  }

  private centre(normed: Normed): Centred {
    const known = this.made.get(normed.y);
    if (known !== undefined) return known;
    const { o } = this;
    const block = [...this.pooled.values()].find(({ norm }) => input(norm, 0) === normed.y);
    const x = this.of(input(normed.conv, 0));
    const plain = this.of(input(normed.conv, 1));
    const sign = block && this.signOf(this.of(input(block.norm, 1)));
    const filters = sign !== undefined ? this.signed(plain, sign, 0) : plain;
    const result = o.conv2d(x, filters, normed.conv.attrs);
    const mean0 = normed.conv.attrs.groups === 1 ? this.estimatedMean(x, filters) : undefined;
    const y = mean0 !== undefined ? o.add(result, o.broadcast(o.neg(mean0), result.shape, [1])) : result;
    const made = { y, filters, x, mean0, sign };
    this.made.set(normed.y, made);
    if (mean0 !== undefined) this.centred.add(y);
    return made;
  }

  /** The channels' means of a convolution but for its borders, [o], from the means of its input's channels. */
  private estimatedMean(x: Node, filters: Node): Node {
    const { o } = this;
    return o.dot(o.sum(filters, [2, 3]), o.mean(x, [0, 2, 3]), [[1], [0]]);
  }

  private signOf(gamma: Node): Node {
    const { o } = this;
    const one = o.full(gamma.shape, 1);
    return o.select(o.ge(gamma, 0), one, o.neg(one));
  }

  private signed(x: Node, sign: Node | undefined, axis: number): Node {
    return sign !== undefined ? this.o.mul(x, this.o.broadcast(sign, x.shape, [axis])) : x;
  }

  private norm(node: Node<"batch_norm">, normed: Normed): Node {
    const { y, sign } = this.centre(normed);
    const gamma = this.signed(this.of(input(node, 1)), sign, 0);
    return this.o.batchNorm(y, gamma, this.of(input(node, 2)), node.attrs);
  }

  private mean(node: Node<"batch_mean">, normed: Normed): Node {
    const { o } = this;
    const { y, mean0, sign } = this.centre(normed);
    let mean = o.batchMean(y, node.attrs.groups);
    if (mean0 !== undefined) mean = o.add(mean, o.broadcast(mean0, mean.shape, [1]));
    mean = this.signed(mean, sign, 1);
    return normed.bias !== undefined ? o.add(mean, o.broadcast(this.of(normed.bias), mean.shape, [1])) : mean;
  }

  private partsOf(block: Pooled): PooledParts {
    const known = this.parts.get(block);
    if (known !== undefined) return known;
    const { o } = this;
    const { groups, eps } = block.norm.attrs;
    const normed = this.normed.get(input(block.norm, 0)) as Normed;
    const { y, sign } = this.centre(normed);
    const q = o.maxPool(y, block.pool.attrs);
    const mean = o.batchMean(y, groups);
    const inverse = o.rsqrt(o.add(o.batchVariance(y, groups), eps));
    const gamma = this.signed(this.of(input(block.norm, 1)), sign, 0);
    const scale = o.mul(inverse, o.broadcast(gamma, inverse.shape, [1]));
    const beta = o.broadcast(this.of(input(block.norm, 2)), scale.shape, [1]);
    const value = this.affine(q, scale, o.sub(beta, o.mul(scale, mean)));
    const made = { q, mean, inverse, scale, normed: value, value: this.activated(block.activation, value) };
    this.parts.set(block, made);
    return made;
  }

  private activated(activation: Node<Activation> | undefined, x: Node): Node {
    if (activation === undefined) return x;
    return activation.op === "relu" ? this.o.relu(x) : this.o.leakyRelu(x, activation.attrs.slope);
  }

  /** x·scale + shift, both [groups, c]. */
  private affine(x: Node, scale: Node, shift: Node): Node {
    const { o } = this;
    const [groups = 1, c = 1] = scale.shape;
    if (groups === 1) return o.channelAffine(x, o.reshape(scale, [c]), o.reshape(shift, [c]));
    const view = this.view(x, groups);
    const spread = (values: Node) => o.broadcast(values, view.shape, [0, 2]);
    return o.reshape(o.add(o.mul(view, spread(scale)), spread(shift)), x.shape);
  }

  /** x [n, c, h, w] ⊙ or − a [groups, c] operand. */
  private perGroup(op: "mul" | "sub", x: Node, values: Node): Node {
    const { o } = this;
    const [groups = 1, c = 1] = values.shape;
    if (groups === 1) return o[op](x, o.broadcast(o.reshape(values, [c]), x.shape, [1]));
    const view = this.view(x, groups);
    return o.reshape(o[op](view, o.broadcast(values, view.shape, [0, 2])), x.shape);
  }

  /** [groups, n/groups, c, h·w] */
  private view(x: Node, groups: number): Node {
    const [n = 1, c = 1, h = 1, w = 1] = x.shape;
    return this.o.reshape(x, [groups, n / groups, c, h * w]);
  }

  private groupSum(x: Node, groups: number): Node {
    return this.o.sum(this.view(x, groups), [1, 3]);
  }

  /** The block whose pool's gradient, through its activation, is `gradient`: and that gradient at the pooled size. */
  private scattered(gradient: Node): { block: Pooled; g: Node } | undefined {
    let scatter = gradient;
    if (gradient.op === "relu_grad" || gradient.op === "leaky_relu_grad") scatter = input(gradient, 1);
    if (scatter.op !== "max_pool_grad") return undefined;
    const block = this.pooled.get(input(scatter, 1));
    if (block === undefined) return undefined;
    const { norm, activation } = block;
    const fits =
      scatter === gradient
        ? activation === undefined
        : activation?.op === gradientOf[gradient.op as keyof typeof gradientOf] && input(gradient, 0) === norm;
    if (!fits || input(scatter, 0) !== (activation ?? norm)) return undefined;
    const dp = this.of(input(scatter, 2));
    const { normed } = this.partsOf(block);
    return { block, g: scatter === gradient ? dp : this.activationGradient(gradient, normed, dp) };
  }

  private activationGradient(like: Node, x: Node, dy: Node): Node {
    if (like.op === "leaky_relu_grad") return this.o.graph.op("leaky_relu_grad", [x, dy], like.attrs);
    return this.o.graph.op("relu_grad", [x, dy], {});
  }

  private gammaGradient(node: Node<"batch_norm_grad_gamma">, normed: Normed): Node {
    const { o } = this;
    const { y, sign } = this.centre(normed);
    const found = this.scattered(input(node, 1));
    if (found === undefined || found.block.norm.attrs.eps !== node.attrs.eps) {
      const plain = o.graph.op("batch_norm_grad_gamma", [y, this.of(input(node, 1))], node.attrs);
      return this.signed(plain, sign, 0);
    }
    const { along } = this.pooledSums(found.block, found.g);
    return this.signed(o.sum(o.mul(along, this.partsOf(found.block).inverse), [0]), sign, 0);
  }

  /** Σ g and Σ g·(q − mean), [groups, c]. */
  private pooledSums(block: Pooled, g: Node): { total: Node; along: Node } {
    const { groups } = block.norm.attrs;
    const { q, mean } = this.partsOf(block);
    const total = this.groupSum(g, groups);
    return { total, along: this.groupSum(this.o.mul(g, this.perGroup("sub", q, mean)), groups) };
  }

  /** dy in the signed convolution's terms. */
  private gradient(node: Node<"batch_norm_grad_x">, normed: Normed): Node {
    const known = this.gradients.get(node);
    if (known !== undefined) return known;
    const { o } = this;
    const { y, sign } = this.centre(normed);
    const found = this.scattered(input(node, 2));
    let made: Node;
    if (found !== undefined && found.block.norm.inputs[1] === node.inputs[1]) {
      const { scatter, along, shift } = this.split(found.block, found.g, y);
      made = o.add(this.affine(y, along, shift), scatter);
    } else {
      const gamma = this.signed(this.of(input(node, 1)), sign, 0);
      made = o.graph.op("batch_norm_grad_x", [y, gamma, this.of(input(node, 2))], node.attrs);
    }
    this.gradients.set(node, made);
    return made;
  }

  /** dy = scatter + along·y + shift. */
  private split(block: Pooled, g: Node, y: Node): { scatter: Node; along: Node; shift: Node } {
    const { o } = this;
    const { groups } = block.norm.attrs;
    const { q, mean, inverse, scale } = this.partsOf(block);
    const [n = 1, , h = 1, w = 1] = y.shape;
    const count = (n / groups) * h * w;
    const sums = this.pooledSums(block, g);
    const along = o.mul(o.mul(o.mul(scale, o.square(inverse)), sums.along), -1 / count);
    const shift = o.sub(o.mul(o.mul(scale, sums.total), -1 / count), o.mul(along, mean));
    return { scatter: o.maxPoolGrad(y, q, this.perGroup("mul", g, scale), block.pool.attrs), along, shift };
  }

  private filterGradient(node: Node<"conv2d_filter_grad">): Node | undefined {
    const dy = input(node, 1);
    if (dy.op !== "batch_norm_grad_x") return undefined;
    const normed = this.normed.get(input(dy, 0));
    if (normed === undefined) return undefined;
    const { o } = this;
    const { y, sign, x, filters, mean0 } = this.centre(normed);
    const own = this.of(input(node, 0)) === x && sameConv(node.attrs, normed.conv.attrs);
    const [, inner = 1, kh = 1, kw = 1] = filters.shape;
    const found = this.scattered(input(dy, 2));
    const patch = inner * kh * kw;
    if (
      !own ||
      found === undefined ||
      mean0 === undefined ||
      patch > gramLimit ||
      this.passedOn.has(dy) ||
      found.block.norm.attrs.groups !== 1
    )
      return this.signed(o.conv2dFilterGrad(this.of(input(node, 0)), this.gradient(dy, normed), node.attrs), sign, 0);
    const { scatter, along, shift } = this.split(found.block, found.g, y);
    const ofScatter = o.conv2dFilterGrad(x, scatter, node.attrs);
    return this.signed(o.add(ofScatter, this.affineGradient(node.attrs, x, filters, mean0, along, shift)), sign, 0);
  }

  /** The filter gradient of dy = along·y + shift, y = filters∗x − mean0: sums over patches, not over y. */
  private affineGradient(
    attrs: OpAttrs["conv2d_filter_grad"],
    x: Node,
    filters: Node,
    mean0: Node,
    along: Node,
    shift: Node,
  ): Node {
    const { o } = this;
    const [outer = 1, inner = 1, kh = 1, kw = 1] = filters.shape;
    const size = inner * kh * kw;
    const pick = new Float64Array(size * size);
    for (let k = 0; k < size; k++) pick[k * size + k] = 1;
    const patches = o.conv2d(x, o.constant([size, inner, kh, kw], pick), attrs);
    const gram = o.reshape(o.conv2dFilterGrad(x, patches, attrs), [size, size]);
    const total = o.sum(patches, [0, 2, 3]);
    const rows = o.reshape(along, [outer]);
    const shifts = o.sub(o.reshape(shift, [outer]), o.mul(rows, mean0));
    const products = o.dot(o.reshape(filters, [outer, size]), gram, [[1], [0]]);
    const first = o.mul(products, o.broadcast(rows, products.shape, [0]));
    const second = o.mul(o.broadcast(shifts, products.shape, [0]), o.broadcast(total, products.shape, [1]));
    return o.reshape(o.add(first, second), filters.shape);
  }

  private inputGradient(node: Node<"conv2d_input_grad">): Node | undefined {
    const dy = input(node, 0);
    if (dy.op !== "batch_norm_grad_x") return undefined;
    const normed = this.normed.get(input(dy, 0));
    if (normed === undefined) return undefined;
    const { filters, sign } = this.centre(normed);
    const own = input(node, 1) === input(normed.conv, 1);
    const signedFilters = own ? filters : this.signed(this.of(input(node, 1)), sign, 0);
    return this.o.conv2dInputGrad(this.gradient(dy, normed), signedFilters, node.attrs);
  }

  /** Sums over every place of a channel: nothing is left of a batch norm's gradient, and a scatter keeps its sum. */
  private sum(node: Node<"reduce_sum">): Node | undefined {
    const x = input(node, 0);
    if (x.shape.length !== 4 || node.attrs.axes.join() !== "0,2,3") return undefined;
    if (x.op === "batch_norm_grad_x") return this.o.full(node.shape, 0);
    const found = this.scattered(x);
    return found && this.o.sum(this.pooledSums(found.block, found.g).total, [0]);
  }

  /** max_pool(act(x)) = act(max_pool(x)) */
  private exchanged(node: Node<"max_pool">): Node | undefined {
    const activation = input(node, 0);
    if (!rising(activation)) return undefined;
    return this.activated(activation, this.o.maxPool(this.of(input(activation, 0)), node.attrs));
  }

  /** Its gradient: act_grad(x, max_pool_grad(act(x), y, dy)) = max_pool_grad(x, max_pool(x), act_grad(max_pool(x), dy)) */
  private exchangedGradient(node: Node<"relu_grad" | "leaky_relu_grad">): Node | undefined {
    const [x, scatter] = [input(node, 0), input(node, 1)];
    if (scatter.op !== "max_pool_grad" || this.pooled.has(input(scatter, 1))) return undefined;
    const activation = input(scatter, 0);
    if (!rising(activation) || activation.op !== gradientOf[node.op] || input(activation, 0) !== x) return undefined;
    if (node.op === "leaky_relu_grad" && activation.op === "leaky_relu" && activation.attrs.slope !== node.attrs.slope)
      return undefined;
    const inner = this.of(x);
    const pooled = this.o.maxPool(inner, scatter.attrs);
    const dy = this.activationGradient(node, pooled, this.of(input(scatter, 2)));
    return this.o.maxPoolGrad(inner, pooled, dy, scatter.attrs);
  }
}

/** Whether `node` is made of `of`: a node's operands have lower ids than its own. */
function dependsOn(node: Node, of: Node): boolean {
  const seen = new Set<Node>();
  const open = [node];
  for (let next = open.pop(); next; next = open.pop()) {
    if (next === of) return true;
    if (next.id < of.id || seen.has(next)) continue;
    seen.add(next);
    open.push(...next.inputs);
  }
  return false;
}

function input(node: Node, place: number): Node {
  const found = node.inputs[place];
  if (found === undefined) throw new RangeError(`${node.op} has no operand ${place}`);
  return found;
}

/** An activation that keeps order strictly where its gradient is not 0, so that winners stay winners. */
function rising(node: Node): node is Node<Activation> {
  return node.op === "relu" || (node.op === "leaky_relu" && node.attrs.slope > 0);
}

function normedConv(y: Node): Normed | undefined {
  if (y.op === "conv2d") return { y, conv: y, bias: undefined };
  if (y.op !== "add") return undefined;
  const [conv, bias] = [input(y, 0), input(y, 1)];
  if (conv.op !== "conv2d" || bias.op !== "broadcast" || bias.attrs.dims.join() !== "1") return undefined;
  return { y, conv, bias: input(bias, 0) };
}

function pooledBlock(pool: Node<"max_pool">): Pooled | undefined {
  const top = input(pool, 0);
  if (top.op === "batch_norm") return { norm: top, activation: undefined, pool };
  if (!rising(top)) return undefined;
  const norm = input(top, 0);
  return norm.op === "batch_norm" ? { norm, activation: top, pool } : undefined;
}

function sameConv(a: ConvAttrs, b: ConvAttrs): boolean {
  return a.groups === b.groups && a.stride.join() === b.stride.join() && a.pad.join() === b.pad.join();
}
