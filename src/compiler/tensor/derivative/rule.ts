/** The interface of derivative rules. */
import type { Node, OpName } from "../ir.js";
import type { Ops } from "../ops.js";

/**
 * The contribution of one operand to the derivative. It is a function that makes the node when it is needed, `none` if the
 * result does not change with the operand (integers, masks, places of maxima), or `viaDecomposition` if the primitives of
 * a composite are differentiated.
 */
export type Adjoint = (() => Node) | "none" | "viaDecomposition";

/** Returns, for y = op(x…) and the derivative dy of the loss in y, the derivative of the loss in each operand. */
export type DerivativeRule<K extends OpName> = (o: Ops, y: Node<K>, dy: Node) => readonly Adjoint[];
export type DerivativeRules<K extends OpName> = { readonly [P in K]: DerivativeRule<P> };

/** The operands of a node. The shape rule has checked that there are enough. */
export function operands(node: Node): readonly [Node, Node, Node] {
  return node.inputs as unknown as readonly [Node, Node, Node];
}

export const constant = (): readonly Adjoint[] => [];
export const flat = (count: number) => (): readonly Adjoint[] => Array<Adjoint>(count).fill("none");
