/**
 * Rewrites batch norms over so many values that the kernel of an engine loses digits. Kernels add the values of a channel one after
 * the other in 32 bits. Written in primitives, the norm has sums of its own, which every engine computes well.
 */
import { decomposed } from "../../compiler/tensor/decompose.js";
import type { Graph } from "../../compiler/tensor/graph.js";
import type { Node, OpAttrs } from "../../compiler/tensor/ir.js";
import { Ops } from "../../compiler/tensor/ops.js";
import { rebuild } from "../../compiler/tensor/walk.js";
import { images, operand } from "./lowering.js";

const norms = ["batch_norm", "batch_norm_grad_x", "batch_norm_grad_gamma", "batch_mean", "batch_variance"] as const;
type NormName = (typeof norms)[number];
const isNorm = (node: Node): node is Node<NormName> => norms.some((name) => name === node.op);

/**
 * The largest number of pixels of a channel that a primitive of oneDNN normalizes. At this number its variance is wrong by 1e-4, and at
 * ten million by some percent. The loops of larger norms add in 64 bits.
 */
export const normLimit = 2 ** 20;

/** Returns the roots of the same graph, in which no norm is over more than `limit` values of a channel in one of its groups. */
export function withoutLongNorms(graph: Graph, roots: readonly Node[], limit: number): Node[] {
  return rebuild(graph, roots, (node, inputs) => {
    if (!isNorm(node)) return undefined;
    const [n, , h, w] = images(operand(node, 0));
    if ((n / node.attrs.groups) * h * w <= limit) return undefined;
    return decomposed(new Ops(graph), node.op, inputs, node.attrs as OpAttrs[NormName]);
  });
}
