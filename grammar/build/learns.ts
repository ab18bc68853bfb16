/** Builds the groups of `learn` lines, which metrics, stages and formulas have, and formulas. */
import type { CstNode } from "chevrotain";
import type * as ast from "../ast.js";
import * as t from "../tokens.js";
import { buildBlock, noteColon } from "./blocks.js";
import { type Builder, type Cst, keyword, node, nodes, token, tokens } from "./cst.js";
import { buildExpression, buildSizedAxes } from "./expressions.js";
import { buildParameters } from "./parameters.js";

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

/** Builds the formula of a block: the value that enters, what is learned, and the value that leaves. */
export function buildFormula(b: Builder, cst: Cst): ast.Formula | undefined {
  if (cst === undefined) return undefined;
  const span = b.span(cst, 0);
  const params = buildParameters(b, node(cst, "parameters")) ?? [];
  const [input, extra] = params;
  if (extra !== undefined)
    b.note("unexpected", extra.span, extra.name.text, "one value: the one that enters the layer");
  const missing = b.nameAt(undefined, span.start);
  if (input === undefined)
    b.note("unexpected", b.span(node(cst, "parameters"), span.start), "()", "`(x)`, the value that enters");
  const block = node(cst, "block");
  return {
    kind: "formula",
    input: input ?? { kind: "parameter", name: missing, type: undefined, value: undefined, span: missing.span },
    learns: nodes(block, "learn").flatMap((learn) => buildLearns(b, learn)),
    body: buildBlock(b, block, span.end, { learns: true }),
    span,
  };
}
