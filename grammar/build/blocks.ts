/** Builds blocks and their statements. */
import type { CstNode, IToken } from "chevrotain";
import type * as ast from "../ast.js";
import * as t from "../tokens.js";
import { type Builder, type Cst, covering, keyword, node, nodes, token } from "./cst.js";
import { buildExpression, errorAt } from "./expressions.js";
import { buildGroups } from "./groups.js";

type Line = { readonly at: number } & (
  | { readonly kind: "statement"; readonly make: () => ast.Statement }
  | { readonly kind: "value"; readonly cst: CstNode }
  | { readonly kind: "stray" }
);

/** Builds a block. Only the body of a layer may have `learn` lines, which its caller builds. */
export function buildBlock(b: Builder, cst: Cst, fallback: number, { learns = false } = {}): ast.Block {
  const span = b.span(cst, fallback);
  for (const line of learns ? [] : nodes(cst, "learn")) {
    const found = b.span(line, span.start);
    b.note(
      "foreign-form",
      found,
      "values are learned by a metric, a loss or a layer",
      "write the line where it begins",
    );
  }
  const lines: Line[] = [
    ...nodes(cst, "letStatement").map((line) => ({
      kind: "statement" as const,
      at: b.span(line, span.start).start,
      make: () => buildLet(b, line),
    })),
    ...nodes(cst, "repeatStatement").map((line) => ({
      kind: "statement" as const,
      at: b.span(line, span.start).start,
      make: () => buildRepeat(b, line),
    })),
    ...nodes(cst, "minimize").map((line) => ({
      kind: "statement" as const,
      at: b.span(line, span.start).start,
      make: () => buildMinimize(b, line),
    })),
    ...nodes(cst, "expression").map((line) => ({
      kind: "value" as const,
      at: b.span(line, span.start).start,
      cst: line,
    })),
    ...nodes(cst, "strayLine").map((line) => ({ kind: "stray" as const, at: b.span(line, span.start).start })),
  ].sort((x, y) => x.at - y.at);
  const statements: ast.Statement[] = [];
  let result: ast.Expr | undefined;
  const damaged = cst?.recoveredNode === true || lines.some((line) => line.kind === "stray");
  for (const line of lines) {
    if (line.kind === "stray") continue;
    if (result !== undefined && !damaged) b.note("second-value", result.span, "", "");
    if (line.kind === "statement") {
      statements.push(line.make());
      // A value before a statement has been noted. It is not the value of the block.
      result = undefined;
    } else {
      result = buildExpression(b, line.cst, line.at);
    }
  }
  if (result === undefined) {
    const closer = token(cst, t.RBrace.name);
    if (damaged) result = errorAt(b, closer?.startOffset ?? span.end);
    else b.note("no-value", closer !== undefined ? b.from(closer.startOffset, span.end) : span, "}", "a value");
  }
  return { kind: "statementBlock", statements, result, span };
}

function buildLet(b: Builder, cst: CstNode): ast.LetStatement {
  const span = b.span(cst, 0);
  const name = b.nameAt(token(cst, t.Identifier.name), span.end);
  noteColon(b, cst);
  const value = buildExpression(b, node(cst, "expression"), span.end);
  return { kind: "let", name, value, span: covering(span, name.span, value.span) };
}

/** Notes a `:` that `equals` accepted in place of `=`. */
export function noteColon(b: Builder, cst: Cst): void {
  const colon = token(node(cst, "equals"), t.Colon.name);
  if (colon !== undefined) b.note("colon-for-equals", b.spanOf(colon), ":", "`=`");
}

function bindings(b: Builder, lines: readonly CstNode[]): ast.Binding[] {
  return lines.map((line) => {
    const span = b.span(line, 0);
    noteColon(b, line);
    return {
      name: b.nameAt(token(line, t.Identifier.name), span.start),
      from: buildExpression(b, node(line, "expression"), span.end),
    };
  });
}

function buildRepeat(b: Builder, cst: CstNode): ast.RepeatStatement {
  const span = b.span(cst, 0);
  const until = node(cst, "until");
  return {
    kind: "repeat",
    count: buildExpression(b, node(cst, "count"), span.end),
    bindings: bindings(b, nodes(cst, "carried")),
    body: buildBlock(b, node(cst, "block"), span.end),
    until: until && buildExpression(b, until, span.end),
    span,
  };
}

function buildMinimize(b: Builder, cst: CstNode): ast.MinimizeStatement {
  const span = b.span(cst, 0);
  const atTest = node(cst, "stepsAtTest");
  const firstOrder: IToken | undefined = keyword(cst, t.words.first_order);
  return {
    kind: "minimize",
    bindings: bindings(b, nodes(cst, "binding")),
    by: buildExpression(b, node(cst, "by"), span.end),
    groups: buildGroups(b, cst),
    steps: buildExpression(b, node(cst, "steps"), span.end),
    stepsAtTest: atTest && buildExpression(b, atTest, span.end),
    counter: b.optionalName(token(cst, "counter")),
    firstOrder: firstOrder !== undefined,
    loss: buildBlock(b, node(cst, "block"), span.end),
    span,
  };
}
