/** The type of a lowering rule. It emits the TensorFlow ops for one IR node. */
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import type { Emitter, Layout, Slot, Value } from "../emitter.js";

export { images, operand } from "../../lowering.js";

export type Rule<K extends OpName> = (e: Emitter, node: Node<K>) => Value;
export type Rules<K extends OpName> = { readonly [P in K]: Rule<P> };

/** Returns a result with the full shape of its node. */
export const whole = (node: Node, slot: Slot, layout: Layout = "plain"): Value => ({ slot, shape: node.shape, layout });

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
