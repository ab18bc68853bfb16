/** Builds parameters, their types, and lists of values. */
import type { CstNode } from "chevrotain";
import type * as ast from "../ast.js";
import * as t from "../tokens.js";
import { type Builder, type Cst, keyword, node, nodes, token, tokens } from "./cst.js";
import { buildExpression, noteMissingCommas } from "./expressions.js";

export function buildParameter(b: Builder, cst: CstNode): ast.Parameter {
  const span = b.span(cst, 0);
  const type = node(cst, "type");
  const colonValue = node(cst, "colonValue");
  const colon = token(cst, t.Colon.name);
  if (colonValue !== undefined && colon !== undefined) b.note("colon-for-equals", b.spanOf(colon), ":", "`=`");
  const value = node(cst, "value") ?? colonValue;
  return {
    kind: "parameter",
    name: b.nameAt(token(cst, t.Identifier.name), span.start),
    type: type && buildType(b, type),
    value: value && buildExpression(b, value, span.end),
    span,
  };
}

export function buildParameters(b: Builder, cst: Cst): ast.Parameter[] | undefined {
  if (cst === undefined) return undefined;
  const params = nodes(cst, "parameter").map((parameter) => buildParameter(b, parameter));
  noteMissingCommas(b, params, tokens(cst, t.Comma.name));
  return params;
}

export function buildType(b: Builder, cst: CstNode): ast.TypeExpr {
  const span = b.span(cst, 0);
  const none = { axes: undefined, choices: undefined, fn: undefined };
  const fn = node(cst, "fnType");
  if (fn !== undefined) {
    const word = keyword(fn, t.words.fn);
    const head = node(fn, "fnHead");
    const params = nodes(head, "parameter").map((parameter) => buildParameter(b, parameter).name);
    const name = b.nameAt(word, span.start);
    return { kind: "type", name, ...none, fn: { params, axes: b.axes(head) }, span };
  }
  const choice = node(cst, "choiceType");
  if (choice !== undefined) {
    const name = b.nameAt(keyword(choice, t.words.one_of), span.start);
    const choices = tokens(choice, t.Identifier.name).map((found) => b.name(found));
    return { kind: "type", name, ...none, choices, span };
  }
  const value = node(cst, "valueType");
  const name = b.nameAt(token(value, t.Identifier.name), span.start);
  return {
    kind: "type",
    name,
    ...none,
    axes: token(value, t.LBracket.name) !== undefined ? b.axes(value) : undefined,
    span,
  };
}

export function buildValues(b: Builder, cst: Cst): ast.Expr[] {
  return nodes(cst, "expression").map((value) => buildExpression(b, value, b.span(value, 0).start));
}
