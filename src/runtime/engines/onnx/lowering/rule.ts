/** The type of a lowering rule. It emits the ONNX nodes for one IR node, whose operands are already emitted. */
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import type { Emitter, Value } from "../emitter.js";

export { images, operand } from "../../lowering.js";

export type Rule<K extends OpName> = (e: Emitter, node: Node<K>) => Value;
export type Rules<K extends OpName> = { readonly [P in K]: Rule<P> };

/** Returns a result with the full shape of its node. */
export const whole = (node: Node, name: string): Value => ({ name, shape: node.shape });
