/** What a lowering rule is: one IR node → TensorFlow ops. */
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import type { Emitter, Layout, Slot, Value } from "../emitter.js";

export type Rule<K extends OpName> = (e: Emitter, node: Node<K>) => Value;
export type Rules<K extends OpName> = { readonly [P in K]: Rule<P> };

/** A result that has its node's whole shape. */
export const whole = (node: Node, slot: Slot, layout: Layout = "plain"): Value => ({ slot, shape: node.shape, layout });

/** Operand `index`; the verifier has checked arity. */
export function operand(node: Node, index: number): Node {
  const input = node.inputs[index];
  if (input === undefined) throw new RangeError(`${node.op} has no operand ${index}`);
  return input;
}

/** [n, c, h, w] of an images node. */
export function images(node: Node): [number, number, number, number] {
  const [n = 1, c = 1, h = 1, w = 1] = node.shape;
  return [n, c, h, w];
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
