/** Builds expressions: operators by precedence, then suffixes. Notes the slips that the grammar accepts. */
import type { IToken } from "chevrotain";
import type * as ast from "../ast.js";
import * as t from "../tokens.js";
import { buildBlock } from "./blocks.js";
import { type Builder, type Cst, covering, keyword, node, nodes, token, tokens } from "./cst.js";
import { buildLayers } from "./layers.js";

/** The deepest expression that is accepted. Every later walk over expressions is recursive, so there has to be a limit. */
const maxDepth = 200;

interface BinaryLevel {
  readonly op: ast.BinaryOp;
  readonly level: number;
}
const binary: Readonly<Record<string, BinaryLevel>> = {
  or: { op: "or", level: 1 },
  "||": { op: "or", level: 1 },
  and: { op: "and", level: 2 },
  "&&": { op: "and", level: 2 },
  "==": { op: "==", level: 4 },
  "!=": { op: "!=", level: 4 },
  "<": { op: "<", level: 4 },
  "<=": { op: "<=", level: 4 },
  ">": { op: ">", level: 4 },
  ">=": { op: ">=", level: 4 },
  "+": { op: "+", level: 5 },
  "-": { op: "-", level: 5 },
  "*": { op: "*", level: 6 },
  "/": { op: "/", level: 6 },
  "@": { op: "*", level: 6 },
  "^": { op: "^", level: 8 },
  "**": { op: "^", level: 8 },
};
const notLevel = 3;
const minusLevel = 7;

/** Returns the symbol of an operator. For a look-alike that is the ASCII symbol that it stands for. */
function symbolOf(operator: IToken): string {
  return t.lookAlikes[operator.image]?.ascii ?? operator.image;
}

export function errorAt(b: Builder, offset: number): ast.ErrorExpr {
  return { kind: "error", span: b.at(offset) };
}

export function buildExpression(b: Builder, cst: Cst, fallback: number): ast.Expr {
  if (cst === undefined) return errorAt(b, fallback);
  const operands = nodes(cst, "operand");
  const operators = tokens(cst, "Operator");
  if (operands.length === 0) return { kind: "error", span: b.span(cst, fallback) };
  const depth = operators.length + operands.reduce((n, operand) => n + tokens(operand, "prefix").length, 0);
  if (depth > maxDepth) {
    b.note("too-deep", b.span(cst, fallback), "", "");
    return { kind: "error", span: b.span(cst, fallback) };
  }
  return new Precedence(b, operands, operators, b.span(cst, fallback).start).build();
}

/** Builds one row of operands and operators by precedence climbing. */
class Precedence {
  private at = 0;
  constructor(
    private readonly b: Builder,
    private readonly operands: readonly Cst[],
    private readonly operators: readonly IToken[],
    private readonly fallback: number,
  ) {}

  build(): ast.Expr {
    return this.level(0);
  }

  private level(lowest: number): ast.Expr {
    let left = this.prefixed(tokens(this.operands[this.at], "prefix"), 0);
    for (;;) {
      const operator = this.operators[this.at];
      const found = operator && binary[symbolOf(operator)];
      if (operator === undefined || found === undefined || found.level < lowest) return left;
      this.noteForeign(operator);
      this.at++;
      // `^` groups from the right, all other operators from the left.
      const right = this.level(found.op === "^" ? found.level : found.level + 1);
      left = combined(operator, found.op, left, right);
    }
  }

  private prefixed(prefixes: readonly IToken[], i: number): ast.Expr {
    const prefix = prefixes[i];
    if (prefix === undefined) return buildOperand(this.b, this.operands[this.at], this.fallback);
    if (prefix.image === "!") this.b.note("foreign-operator", this.b.spanOf(prefix), "!", "`not`");
    const op = symbolOf(prefix) === "-" ? "-" : "not";
    const inner = this.prefixed(prefixes, i + 1);
    const operand = this.extend(inner, op === "-" ? minusLevel : notLevel);
    return { kind: "unary", op, operand, span: covering(this.b.spanOf(prefix), operand.span) };
  }

  /** Extends an expression by the following operators that bind tighter than `lowest`. */
  private extend(start: ast.Expr, lowest: number): ast.Expr {
    let left = start;
    for (;;) {
      const operator = this.operators[this.at];
      const found = operator && binary[symbolOf(operator)];
      if (operator === undefined || found === undefined || found.level <= lowest) return left;
      this.noteForeign(operator);
      this.at++;
      const right = this.level(found.op === "^" ? found.level : found.level + 1);
      left = combined(operator, found.op, left, right);
    }
  }

  private noteForeign(operator: IToken): void {
    const { b } = this;
    if (operator.image === "@")
      b.note(
        "foreign-form",
        b.spanOf(operator),
        "`@` multiplies nothing in FSL",
        "name the axis that is summed over: `dot(a, b over feature)`",
      );
    if (operator.image === "**") b.note("double-star", b.spanOf(operator), "**", "`^`");
    if (operator.image === "&&") b.note("foreign-operator", b.spanOf(operator), "&&", "`and`");
    if (operator.image === "||") b.note("foreign-operator", b.spanOf(operator), "||", "`or`");
  }
}

/** Returns the operation. A product by `@` has been noted, and its axes are not known: it becomes a value that fits everywhere. */
function combined(operator: IToken, op: ast.BinaryOp, left: ast.Expr, right: ast.Expr): ast.Expr {
  const span = covering(left.span, right.span);
  return operator.image === "@" ? { kind: "error", span } : { kind: "binary", op, left, right, span };
}

function buildOperand(b: Builder, cst: Cst, fallback: number): ast.Expr {
  let value = buildPrimary(b, node(cst, "primary"), fallback);
  const suffixes = nodes(cst, "suffix");
  if (suffixes.length > maxDepth) {
    b.note("too-deep", b.span(cst, fallback), "", "");
    return value;
  }
  for (const suffix of suffixes) value = buildSuffix(b, suffix, value);
  return value;
}

function buildSuffix(b: Builder, suffix: Cst, object: ast.Expr): ast.Expr {
  const span = covering(object.span, b.span(suffix, object.span.end));
  const args = node(suffix, "args");
  if (args !== undefined) return { kind: "call", callee: object, ...buildArgs(b, args), span };
  const renames = node(suffix, "renames");
  if (renames !== undefined) {
    const built = nodes(renames, "rename").flatMap((rename) => buildRename(b, rename));
    return built.length === 0 ? { kind: "error", span } : { kind: "index", object, renames: built, span };
  }
  return { kind: "member", object, member: b.nameAt(token(suffix, "member"), span.end), span };
}

function buildRename(b: Builder, cst: Cst): ast.IndexExpr["renames"][number][] {
  const number = token(cst, t.NumberToken.name);
  if (number !== undefined) {
    b.note("numbered-axis", b.spanOf(number), number.image, "the name of an axis");
    return [];
  }
  const from = token(cst, "from");
  const to = token(cst, "to");
  if (from === undefined) return [];
  if (to !== undefined) return [{ from: b.axis(from), to: b.axis(to) }];
  const renamed = b.axis(from);
  if (keyword(cst, t.words.as) !== undefined) return [];
  if (!renamed.text.endsWith("'")) {
    b.note("idle-rename", renamed.span, renamed.text, `\`${renamed.text}'\``);
    return [];
  }
  return [{ from: { ...renamed, text: renamed.text.slice(0, -1) }, to: renamed }];
}

function buildPrimary(b: Builder, cst: Cst, fallback: number): ast.Expr {
  const span = b.span(cst, fallback);
  const number = node(cst, "number");
  if (number !== undefined) return buildNumber(b, number, fallback);
  const text = token(cst, t.Text.name);
  if (text !== undefined) return buildText(b, text);
  if (keyword(cst, t.words.true) !== undefined) return { kind: "bool", value: true, span };
  if (keyword(cst, t.words.false) !== undefined) return { kind: "bool", value: false, span };
  const name = token(cst, t.Identifier.name);
  // A name without a text stands for a value that has been reported.
  if (name?.image === "") return errorAt(b, name.startOffset);
  if (name !== undefined) return { kind: "ref", text: name.image, span: b.spanOf(name) };
  const each = node(cst, "each");
  if (each !== undefined) {
    const word = keyword(each, t.words.any) === undefined ? "each" : "any";
    return { kind: "each", word, items: listItems(b, node(each, "list")), span };
  }
  const list = node(cst, "list");
  if (list !== undefined) return { kind: "list", items: listItems(b, list), span };
  const tuple = node(cst, "tuple");
  if (tuple !== undefined) {
    const items = listItems(b, tuple);
    // Parentheses around one value only group; the value's span takes them in.
    const [only] = items;
    if (items.length === 1 && only !== undefined) return { ...only, span };
    if (items.length > 0) return { kind: "tuple", items, span };
    const closer = token(tuple, t.RParen.name);
    if (closer !== undefined) b.note("unexpected", b.spanOf(closer), ")", "a value");
    return { kind: "error", span };
  }
  const module = node(cst, "module");
  if (module !== undefined) return { kind: "module", layers: buildLayers(b, node(module, "layers")), span };
  const branch = node(cst, "ifExpression");
  if (branch !== undefined) return buildIf(b, branch, span.end);
  return { kind: "error", span };
}

function buildNumber(b: Builder, cst: Cst, fallback: number): ast.Expr {
  const number = token(cst, t.NumberToken.name);
  if (number === undefined) return errorAt(b, fallback);
  const unit = keyword(cst, t.Unit);
  return {
    kind: "number",
    value: Number(number.image),
    integer: /^\d+$/.test(number.image),
    unit: b.optionalName(unit),
    span: unit !== undefined ? covering(b.spanOf(number), b.spanOf(unit)) : b.spanOf(number),
  };
}

export function buildText(b: Builder, found: IToken): ast.TextLiteral {
  const closed = found.image.length >= 2 && /["'”“]$/.test(found.image);
  const raw = found.image.slice(1, closed ? -1 : undefined);
  const value = raw.replace(/\\(.)/g, (_, letter: string) => ({ n: "\n", t: "\t" })[letter] ?? letter);
  return { kind: "text", value, span: b.spanOf(found) };
}

function listItems(b: Builder, cst: Cst): ast.Expr[] {
  const items = node(cst, "items");
  const built = nodes(items, "expression").map((item) => buildExpression(b, item, b.span(item, 0).start));
  noteMissingCommas(b, built, tokens(items, t.Comma.name));
  return built;
}

/** Notes a missing comma between each two neighbors that have none, unless the first of them needs none. */
export function noteMissingCommas<T extends { readonly span: ast.Span }>(
  b: Builder,
  items: readonly T[],
  commas: readonly IToken[],
  needsNone: (item: T) => boolean = () => false,
): void {
  // Items and commas are in the order of the text, so each comma is looked at once.
  let next = 0;
  for (let i = 1; i < items.length; i++) {
    const [before, right] = [items[i - 1], items[i]?.span];
    if (before === undefined || right === undefined || needsNone(before)) continue;
    const left = before.span;
    while ((commas[next]?.startOffset ?? Number.POSITIVE_INFINITY) < left.end) next++;
    const separated = (commas[next]?.startOffset ?? Number.POSITIVE_INFINITY) < right.start;
    if (!separated) b.note("missing-comma", b.at(left.end), "", "`,`");
  }
}

export function buildArgs(b: Builder, cst: Cst): Pick<ast.CallExpr, "args" | "by" | "clauses"> {
  const args = nodes(cst, "argument").map((argument) => buildArgument(b, argument));
  noteMissingCommas(b, args, tokens(cst, t.Comma.name));
  const clauses = nodes(cst, "clause").flatMap((clause): ast.Clause[] => {
    const word = token(clause, "word");
    if (word === undefined) return [];
    const span = b.span(clause, word.startOffset);
    return [{ kind: "clause", word: word.image as ast.Clause["word"], axes: buildSizedAxes(b, clause), span }];
  });
  const by = node(cst, "by");
  return { args, by: by && buildExpression(b, by, b.span(cst, 0).end), clauses };
}

/** Builds the axes of a node, each with the size that is written for it, if any. */
export function buildSizedAxes(b: Builder, cst: Cst): ast.SizedAxis[] {
  return nodes(cst, "sizedAxis").flatMap((axis) => {
    const name = token(axis, t.Identifier.name);
    if (name === undefined) return [];
    const size = node(axis, "expression");
    const span = b.span(axis, name.startOffset);
    return [{ ...b.axis(name), size: size && buildExpression(b, size, span.end), span }];
  });
}

export function buildArgument(b: Builder, cst: Cst): ast.Argument {
  const span = b.span(cst, 0);
  const name = token(cst, t.Identifier.name);
  const equals = token(node(cst, "equals"), t.Equals.name);
  if (equals !== undefined) b.note("equals-for-colon", b.spanOf(equals), "=", "`:`");
  const value = buildExpression(b, node(cst, "expression"), span.end);
  return { kind: "argument", name: b.optionalName(name), value, span: covering(span, value.span) };
}

function buildIf(b: Builder, cst: Cst, end: number): ast.Expr {
  const conditions = nodes(cst, "condition");
  const bodies = nodes(cst, "body");
  const last = bodies.length > conditions.length ? bodies[bodies.length - 1] : undefined;
  if (last === undefined && cst?.recoveredNode !== true) b.note("unexpected", b.at(b.span(cst, end).end), "", "`else`");
  let otherwise: ast.Block = last !== undefined ? buildBlock(b, last, end) : emptyBlock(b, end);
  if (conditions.length > maxDepth) {
    b.note("too-deep", b.span(cst, end), "", "");
    return { kind: "error", span: b.span(cst, end) };
  }
  const words = tokens(cst, t.words.if.name);
  for (let i = conditions.length - 1; i >= 0; i--) {
    const start = words[i]?.startOffset ?? b.span(conditions[i], end).start;
    const condition = buildExpression(b, conditions[i], start);
    const body = bodies[i];
    const then = body !== undefined ? buildBlock(b, body, condition.span.end) : emptyBlock(b, condition.span.end);
    const span = covering(b.at(start), condition.span, then.span, otherwise.span);
    const built: ast.IfExpr = { kind: "if", condition, then, otherwise, span };
    if (i === 0) return built;
    otherwise = { kind: "statementBlock", statements: [], result: built, span };
  }
  return errorAt(b, end);
}

function emptyBlock(b: Builder, offset: number): ast.Block {
  return { kind: "statementBlock", statements: [], result: undefined, span: b.at(offset) };
}
