/** Builds the layers of backbones, blocks and modules. */
import type { CstNode } from "chevrotain";
import type * as ast from "../ast.js";
import * as t from "../tokens.js";
import { type Builder, type Cst, node, nodes, token, tokens } from "./cst.js";
import { buildArgs, buildExpression, noteMissingCommas } from "./expressions.js";

export function buildLayers(b: Builder, cst: Cst): ast.Layer[] {
  const built = nodes(cst, "layer").flatMap((layer) => buildLayer(b, layer) ?? []);
  noteMissingCommas(b, built, tokens(cst, t.Comma.name), endsInBrace);
  return built;
}

/** Tells whether a layer ends in a closing brace, after which the comma may be left out. */
function endsInBrace(layer: ast.Layer): boolean {
  return layer.output === undefined && layer.kind !== "callLayer" && layer.kind !== "parallelLayer";
}

function buildLayer(b: Builder, cst: CstNode): ast.Layer | undefined {
  const span = b.span(cst, 0);
  const base = { label: b.optionalName(token(cst, "label")), output: b.optionalName(token(cst, "output")), span };
  const call = node(cst, "callLayer");
  if (call !== undefined) {
    const callee = token(call, t.Identifier.name);
    if (callee === undefined) return undefined;
    const args = node(call, "args");
    const built = args !== undefined ? buildArgs(b, args) : { args: [], by: undefined, clauses: [] };
    if (built.by !== undefined) b.note("unexpected", built.by.span, "by", "`)`");
    const [clause] = built.clauses;
    if (clause !== undefined) b.note("unexpected", clause.span, clause.word, "`)`");
    return { kind: "callLayer", callee: b.name(callee), args: built.args, ...base };
  }
  const repeat = node(cst, "repeatLayer");
  if (repeat !== undefined) {
    return {
      kind: "repeatLayer",
      count: buildExpression(b, node(repeat, "expression"), span.end),
      index: b.optionalName(token(repeat, "index")),
      body: buildLayers(b, node(repeat, "layers")),
      ...base,
    };
  }
  const residual = node(cst, "residual");
  if (residual !== undefined) {
    const shortcut = nodes(residual, "shortcut")[0];
    return {
      kind: "residualLayer",
      body: buildLayers(b, node(residual, "body")),
      shortcut: shortcut && buildLayers(b, shortcut),
      ...base,
    };
  }
  const parallel = node(cst, "parallel");
  if (parallel !== undefined) {
    const axis = token(parallel, "axis");
    return {
      kind: "parallelLayer",
      branches: nodes(parallel, "layers").map((branch) => buildLayers(b, branch)),
      along: axis !== undefined ? b.axis(axis) : { kind: "axis", text: "", span: b.at(span.end) },
      ...base,
    };
  }
  const branch = node(cst, "ifLayer");
  if (branch !== undefined) {
    const otherwise = node(branch, "otherwise");
    return {
      kind: "ifLayer",
      condition: buildExpression(b, node(branch, "expression"), span.end),
      // biome-ignore lint/suspicious/noThenProperty: a node of the tree, never awaited
      then: buildLayers(b, node(branch, "then")),
      otherwise: otherwise && buildLayers(b, otherwise),
      ...base,
    };
  }
  return undefined;
}
