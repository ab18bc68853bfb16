/** Builds the groups of `learn` lines, which metrics and stages have. */
import type { CstNode } from "chevrotain";
import type * as ast from "../ast.js";
import * as t from "../tokens.js";
import { noteColon } from "./blocks.js";
import { type Builder, keyword, node, nodes, token, tokens } from "./cst.js";
import { buildExpression, buildSizedAxes } from "./expressions.js";

/** The groups of a `learn` or `fixed` line. */
export function buildLearns(b: Builder, cst: CstNode): ast.LearnDecl[] {
  const fixed = keyword(cst, t.words.fixed) !== undefined;
  return nodes(cst, "learnGroup").map((group) => buildLearn(b, group, fixed));
}

function buildLearn(b: Builder, cst: CstNode, fixed: boolean): ast.LearnDecl {
  const span = b.span(cst, 0);
  noteColon(b, cst);
  return {
    kind: "learn",
    fixed,
    names: tokens(cst, "name").map((found) => b.name(found)),
    axes: token(cst, t.LBracket.name) !== undefined ? buildSizedAxes(b, cst) : undefined,
    like: nodes(cst, "like").map((like) => buildExpression(b, like, span.end)),
    value: buildExpression(b, node(cst, "value"), span.end),
    positive: keyword(cst, t.words.positive) !== undefined,
    span,
  };
}
