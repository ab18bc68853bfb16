/** Reads the concrete tree. After recovery anything may be missing, so every access is optional. */
import type { CstElement, CstNode, IToken, TokenType } from "chevrotain";
import type { AxisRef, Name, Span } from "../ast.js";
import type { IssueKind, SyntaxIssue } from "../issue.js";
import { endOf } from "../lex.js";

export type Cst = CstNode | undefined;

function isNode(element: CstElement): element is CstNode {
  return "children" in element;
}
export function node(parent: Cst, key: string, i = 0): Cst {
  return nodes(parent, key)[i];
}
export function nodes(parent: Cst, key: string): CstNode[] {
  return (parent?.children[key] ?? []).filter(isNode);
}
/** Returns the i-th token under a key. Tokens that recovery made up do not count. */
export function token(parent: Cst, key: string, i = 0): IToken | undefined {
  return tokens(parent, key)[i];
}
export function tokens(parent: Cst, key: string): IToken[] {
  return (parent?.children[key] ?? []).filter(
    (element): element is IToken => !isNode(element) && element.isInsertedInRecovery !== true,
  );
}
/** Returns the token of a keyword. Its key is the name of its type. */
export function keyword(parent: Cst, type: TokenType): IToken | undefined {
  return token(parent, type.name);
}

/**
 * Gives each node that holds no tokens, which recovery leaves behind, a place of no width at the end of the node around it.
 * The parser gives it none, and a span that is made up elsewhere may lie outside of the node around it.
 */
export function placeEmptyNodes(parent: Cst): void {
  const end = parent?.location?.endOffset;
  for (const child of Object.values(parent?.children ?? {})
    .flat()
    .filter(isNode)) {
    if (child.location !== undefined && Number.isNaN(child.location.startOffset) && end !== undefined) {
      Object.assign(child.location, { startOffset: end + 1, endOffset: end });
    }
    placeEmptyNodes(child);
  }
}

/** The context of building a tree: the file, the issues found so far, and helpers for spans and names. */
export class Builder {
  readonly issues: SyntaxIssue[] = [];
  constructor(readonly file: string) {}

  note(kind: IssueKind, span: Span, found: string, expected: string): void {
    this.issues.push({ kind, span, found, expected });
  }

  /** Returns the span of a concrete node, or a span of no width at `fallback` if the node holds nothing. */
  span(cst: Cst, fallback: number): Span {
    const start = cst?.location?.startOffset;
    const end = cst?.location?.endOffset;
    if (start === undefined || Number.isNaN(start)) return this.at(fallback);
    return { file: this.file, start, end: end === undefined || Number.isNaN(end) ? start : Math.max(start, end + 1) };
  }
  at(offset: number): Span {
    return { file: this.file, start: offset, end: offset };
  }
  from(start: number, end: number): Span {
    return { file: this.file, start, end: Math.max(start, end) };
  }
  spanOf(found: IToken): Span {
    return { file: this.file, start: found.startOffset, end: endOf(found) };
  }

  name(found: IToken): Name {
    return { kind: "name", text: found.image, span: this.spanOf(found) };
  }
  optionalName(found: IToken | undefined): Name | undefined {
    return found && this.name(found);
  }
  /** Returns a name that the grammar requires. Its text is empty after a syntax error. */
  nameAt(found: IToken | undefined, fallback: number): Name {
    return found !== undefined ? this.name(found) : { kind: "name", text: "", span: this.at(fallback) };
  }
  axis(found: IToken): AxisRef {
    return { kind: "axis", text: found.image, span: this.spanOf(found) };
  }
  axes(parent: Cst, key = "axis"): AxisRef[] {
    return tokens(parent, key).map((found) => this.axis(found));
  }
}

/** Returns the smallest span that holds all given spans. */
export function covering(first: Span, ...rest: readonly Span[]): Span {
  let { start, end } = first;
  for (const span of rest) {
    start = Math.min(start, span.start);
    end = Math.max(end, span.end);
  }
  return { file: first.file, start, end };
}
