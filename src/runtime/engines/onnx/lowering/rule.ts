/** What a lowering rule is: one IR node whose operands are emitted → ONNX nodes. */
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import type { Emitter, Value } from "../emitter.js";

export { images, operand } from "../../lowering.js";

export type Rule<K extends OpName> = (e: Emitter, node: Node<K>) => Value;
export type Rules<K extends OpName> = { readonly [P in K]: Rule<P> };

/** A result that has its node's whole shape. */
export const whole = (node: Node, name: string): Value => ({ name, shape: node.shape });
