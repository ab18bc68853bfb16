import type { Graph } from "../graph.js";
import type { Node, Program } from "../ir.js";
import { algebraRules } from "./algebra.js";
import { distanceRule } from "./distance.js";
import { foldRules } from "./fold.js";
import { type RewriteRule, Rewriter } from "./rewrite.js";
import { finalRules, structureRules } from "./structure.js";

/** Rules that keep derivatives as well as values. */
const simplifyRules: readonly RewriteRule[] = [...foldRules, ...algebraRules, ...structureRules, distanceRule];
const beforeDerivatives = new Rewriter(simplifyRules);
const afterDerivatives = new Rewriter([...simplifyRules, ...finalRules]);

/**
 * `roots` made simpler in their own graph. For use BEFORE a derivative is taken: the derivative of a matrix product is
 * two products, where that of a tensor of differences is that tensor again.
 */
export function simplify(graph: Graph, roots: readonly Node[]): Node[] {
  return beforeDerivatives.inPlace(graph, roots);
}

/**
 * The program made cheaper: constants folded, identities and idle movements gone, distances as products. Common
 * subexpressions and dead code are gone with the graph it is rebuilt in. Its inputs and outputs keep name and type, what
 * is left keeps its order.
 */
export function optimize(program: Program): Program {
  return afterDerivatives.program(program);
}
