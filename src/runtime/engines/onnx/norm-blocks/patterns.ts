/** Finds the patterns that `NormBlocks` rewrites: convolutions under a batch norm, and batch norms under a max pool. */
import type { ConvAttrs, Node } from "../../../../compiler/tensor/ir.js";
import { operand } from "../../lowering.js";

export type Activation = Node<"relu" | "leaky_relu">;
export type ActivationGradient = Node<"relu_grad" | "leaky_relu_grad">;

export const gradientOps = { relu: "relu_grad", leaky_relu: "leaky_relu_grad" } as const;

/** A convolution under a batch norm. The norm cancels the bias. */
export interface NormedConv {
  /** The input of the norm: the convolution, or the sum of it and its bias. */
  readonly y: Node;
  readonly conv: Node<"conv2d">;
  readonly bias: Node | undefined;
}

/** A batch norm, an activation or none, and a max pool, one after the other. */
export interface PooledBlock {
  readonly norm: Node<"batch_norm">;
  readonly activation: Activation | undefined;
  readonly pool: Node<"max_pool">;
}

/** The patterns of a program; all nodes are those of the original program. */
export interface Patterns {
  /** The convolutions, by the input of their batch norm. */
  readonly normed: ReadonlyMap<Node, NormedConv>;
  /** The pooled blocks, by their max pool. */
  readonly pooled: ReadonlyMap<Node, PooledBlock>;
  /** The gradients that some `conv2d_input_grad` reads as a whole. */
  readonly passedOn: ReadonlySet<Node>;
}

export function findPatterns(nodes: readonly Node[]): Patterns {
  const normed = new Map<Node, NormedConv>();
  const pooled = new Map<Node, PooledBlock>();
  const passedOn = new Set<Node>();
  const gammas = new Map<Node, Set<Node>>();
  for (const node of nodes) {
    if (node.op === "batch_norm") {
      const [y, gamma] = [operand(node, 0), operand(node, 1)];
      const found = normedConv(y);
      if (found !== undefined) normed.set(y, found);
      gammas.set(y, (gammas.get(y) ?? new Set()).add(gamma));
    }
    if (node.op === "max_pool") {
      const found = pooledBlock(node);
      if (found !== undefined && normed.has(operand(found.norm, 0))) pooled.set(node, found);
    }
    if (node.op === "conv2d_input_grad") passedOn.add(operand(node, 0));
  }
  // The filters of a convolution can take one set of signs only.
  for (const [pool, { norm }] of pooled) {
    const y = operand(norm, 0);
    if (gammas.get(y)?.size !== 1 || dependsOn(operand(norm, 1), y)) pooled.delete(pool);
  }
  return { normed, pooled, passedOn };
}

function normedConv(y: Node): NormedConv | undefined {
  if (y.op === "conv2d") return { y, conv: y, bias: undefined };
  if (y.op !== "add") return undefined;
  const [conv, bias] = [operand(y, 0), operand(y, 1)];
  if (conv.op !== "conv2d" || bias.op !== "broadcast" || bias.attrs.dims.join() !== "1") return undefined;
  return { y, conv, bias: operand(bias, 0) };
}

function pooledBlock(pool: Node<"max_pool">): PooledBlock | undefined {
  const top = operand(pool, 0);
  if (top.op === "batch_norm") return { norm: top, activation: undefined, pool };
  if (!isIncreasing(top)) return undefined;
  const norm = operand(top, 0);
  return norm.op === "batch_norm" ? { norm, activation: top, pool } : undefined;
}

/**
 * Tells whether the node is an activation that increases strictly wherever its gradient is not 0. The element that a max
 * pool selects is then the same before and after it.
 */
export function isIncreasing(node: Node): node is Activation {
  return node.op === "relu" || (node.op === "leaky_relu" && node.attrs.slope > 0);
}

/** Tells whether `gradient` is the gradient of `activation`, with the same slope. */
export function isGradientOf(gradient: ActivationGradient, activation: Activation): boolean {
  if (gradientOps[activation.op] !== gradient.op) return false;
  return (
    gradient.op !== "leaky_relu_grad" ||
    activation.op !== "leaky_relu" ||
    gradient.attrs.slope === activation.attrs.slope
  );
}

export function isActivationGradient(node: Node): node is ActivationGradient {
  return node.op === "relu_grad" || node.op === "leaky_relu_grad";
}

export function sameConvolution(a: ConvAttrs, b: ConvAttrs): boolean {
  return a.groups === b.groups && a.stride.join() === b.stride.join() && a.pad.join() === b.pad.join();
}

/** Tells whether `node` is computed from `source`. The search stops at lower ids, since operands have lower ids than their node. */
function dependsOn(node: Node, source: Node): boolean {
  const seen = new Set<Node>();
  const worklist = [node];
  for (let next = worklist.pop(); next; next = worklist.pop()) {
    if (next === source) return true;
    if (next.id < source.id || seen.has(next)) continue;
    seen.add(next);
    worklist.push(...next.inputs);
  }
  return false;
}
