/** Finds nodes that are emitted together with some of their operands, so that these operands are not emitted separately. */
import type { Node } from "../../../../compiler/tensor/ir.js";
import type { Emitter, Value } from "../emitter.js";
import { convolve, filterProduct, kernelOffsets, paddedInput, patchColumns } from "./conv.js";
import { images, operand, whole } from "./rule.js";
import { gradientColumns, isSeparable } from "./window.js";

/** A way to emit a node together with some of its operands. */
export interface Fusion {
  /** The nodes that must be emitted before. */
  readonly inputs: readonly Node[];
  emit(e: Emitter): Value;
}

export function findFusions(nodes: readonly Node[]): Map<Node, Fusion> {
  const uses = new Map<Node, number>();
  for (const node of nodes) for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  const fusions = new Map<Node, Fusion>();
  for (const node of nodes) {
    const fusion = biasedConv(node, uses) ?? scatteredFilterGradient(node, nodes);
    if (fusion !== undefined) fusions.set(node, fusion);
  }
  return fusions;
}

/** Returns the 2×2 pools whose gradient is in the program too. The pool and its gradient then share the row pool. */
export function separablePools(nodes: readonly Node[]): Set<Node> {
  const halved = new Set<Node>();
  for (const node of nodes) {
    if (node.op !== "max_pool_grad" || !isSeparable(node.attrs)) continue;
    const y = operand(node, 1);
    if (y.op === "max_pool" && operand(y, 0) === operand(node, 0)) halved.add(y);
  }
  return halved;
}

/** Fuses conv2d with the addition of a bias per channel. */
function biasedConv(node: Node, uses: ReadonlyMap<Node, number>): Fusion | undefined {
  if (node.op !== "add") return undefined;
  const [conv, bias] = [operand(node, 0), operand(node, 1)];
  if (conv.op !== "conv2d" || uses.get(conv) !== 1) return undefined;
  if (bias.op !== "broadcast" || bias.attrs.dims.join() !== "1") return undefined;
  const [x, filters, vector] = [operand(conv, 0), operand(conv, 1), operand(bias, 0)];
  return {
    inputs: [x, filters, vector],
    emit: (e) => whole(node, convolve(e, e.full(x), e.full(filters), e.full(vector), conv.attrs, images(filters))),
  };
}

/** Computes a filter gradient from the even and the odd columns of a pool's gradient separately. The whole gradient is never made. */
function scatteredFilterGradient(node: Node, nodes: readonly Node[]): Fusion | undefined {
  if (node.op !== "conv2d_filter_grad") return undefined;
  const [x, scatter] = [operand(node, 0), operand(node, 1)];
  const { stride, pad, groups, filterSize } = node.attrs;
  if (scatter.op !== "max_pool_grad" || !isSeparable(scatter.attrs) || stride[0] !== 1 || stride[1] !== 1)
    return undefined;
  const wholeElsewhere = nodes.some((user) => user.inputs.includes(scatter) && user.op !== "conv2d_filter_grad");
  if (wholeElsewhere) return undefined;
  return {
    inputs: [x, ...scatter.inputs],
    emit: (e) => {
      const [, , oh, ow] = images(operand(scatter, 2));
      const { name, shape } = paddedInput(e, x, pad);
      const sides = gradientColumns(e, scatter).map((columns, side) => {
        const offsets = kernelOffsets(filterSize).map(([i, j]) => [i, j + side] as const);
        const patches = patchColumns(e, name, shape, groups, offsets, [1, 2], [2 * oh, ow]);
        return filterProduct(e, node, columns, patches, 2 * oh * ow);
      });
      return whole(node, e.op("Add", sides));
    },
  };
}
