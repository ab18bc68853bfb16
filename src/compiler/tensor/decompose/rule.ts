/** The types of the tables that write composite ops in primitive ops. */
import type { CompositeName, Node, OpAttrs } from "../ir.js";
import type { Ops } from "../ops.js";

/** A composite written in primitives. */
export type Decomposition<K extends CompositeName> = (o: Ops, inputs: Operands, attrs: OpAttrs[K]) => Node;
export type Decompositions<K extends CompositeName> = { readonly [P in K]: Decomposition<P> };
/** The operands of a composite. The shape rule has checked that there are enough. */
export type Operands = readonly [Node, Node, Node];
