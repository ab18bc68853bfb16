/** What a derivative rule gets and gives. */
import type { Node, OpName } from "../ir.js";
import type { Ops } from "../ops.js";

/**
 * An operand's share of the derivative: a node to be made where it is asked for; `none` where the result does not
 * change with the operand (integers, masks, winners' places); `viaDecomposition` where a composite's primitives say.
 */
export type Adjoint = (() => Node) | "none" | "viaDecomposition";

/** For y = op(x…) and dy, the derivative of the loss in y: the loss's derivative in each operand. */
export type DerivativeRule<K extends OpName> = (o: Ops, y: Node<K>, dy: Node) => readonly Adjoint[];
export type DerivativeRules<K extends OpName> = { readonly [P in K]: DerivativeRule<P> };

/** Operands of a node; its shape rule has seen that there are enough. */
export function operands(node: Node): readonly [Node, Node, Node] {
  return node.inputs as unknown as readonly [Node, Node, Node];
}

export const constant = (): readonly Adjoint[] => [];
export const flat = (count: number) => (): readonly Adjoint[] => Array<Adjoint>(count).fill("none");
