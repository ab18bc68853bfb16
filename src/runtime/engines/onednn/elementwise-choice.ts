/** Chooses the element-wise nodes that primitives of oneDNN compute. Loops in JavaScript compute the others. */
import type { Node } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import { operand } from "../lowering.js";
import { isLoopOp } from "./loops/expressions.js";

/** The number of elements from which oneDNN is called. A loop takes 1 ns for each, a call some microseconds. */
const worthACall = 8192;

export type BinaryNode = Node<"add"> | Node<"sub"> | Node<"mul">;
const isBinary = (node: Node): node is BinaryNode => node.op === "add" || node.op === "sub" || node.op === "mul";

/** Values [groups, c] that are the same for all pixels of a channel in each of `groups` equal runs of images. */
export interface ChannelValues {
  readonly values: Node;
  readonly groups: number;
}

/** Returns the values whose repetition over the images [n, c, h, w] this node is, if it is one. */
export function channelValues(node: Node): ChannelValues | undefined {
  if (node.shape.length !== 4) return undefined;
  if (node.op === "broadcast" && node.attrs.dims.join() === "1") return { values: operand(node, 0), groups: 1 };
  if (node.op !== "reshape") return undefined;
  const spread = operand(node, 0);
  const [groups = 1, , ...image] = spread.shape;
  if (spread.op !== "broadcast" || spread.attrs.dims.join() !== "0,2" || spread.shape.length !== 5) return undefined;
  return image.join() === node.shape.slice(1).join() ? { values: operand(spread, 0), groups } : undefined;
}

/**
 * Returns the gradients of ReLUs, and the sums, differences and products, that are large and whose operands are in memory or are
 * computed by a primitive themselves. A loop that has to compute an operand anyway computes the rest on the way.
 */
export function elementwisePrimitives(order: readonly Node[]): ReadonlySet<Node> {
  const chosen = new Set<Node>();
  const isTensor = (node: Node): boolean => node.op === "input" || !isLoopOp(node.op) || chosen.has(node);
  for (const node of order) {
    if (node.dtype !== "f32" || elementCount(node.shape) < worthACall) continue;
    const [a, b] = node.inputs;
    if (a === undefined || b === undefined) continue;
    const fits = (second: Node): boolean => isTensor(second) || channelValues(second) !== undefined;
    if (node.op === "relu_grad") chosen.add(node);
    else if (isBinary(node) && ((isTensor(a) && fits(b)) || (node.op !== "sub" && isTensor(b) && fits(a))))
      chosen.add(node);
  }
  return chosen;
}
