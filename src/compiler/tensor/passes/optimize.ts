import type { Program } from "../ir.js";
import { algebraRules } from "./algebra.js";
import { distanceRule } from "./distance.js";
import { foldRules } from "./fold.js";
import { Rewriter } from "./rewrite.js";
import { finalRules, structureRules } from "./structure.js";

const rewriter = new Rewriter([...foldRules, ...algebraRules, ...structureRules, distanceRule, ...finalRules]);

/**
 * The program made cheaper: constants folded, identities and idle movements gone, distances as products. Common
 * subexpressions and dead code are gone with the graph it is rebuilt in. Its inputs and outputs keep name and type, what
 * is left keeps its order.
 */
export function optimize(program: Program): Program {
  return rewriter.program(program);
}
