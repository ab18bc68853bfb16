/**
 * Brackets are matched before parsing, so that a forgotten one costs one message that points at its opener, and the
 * parser's own recovery always works inside a closed pair.
 */
import type { IToken, TokenType } from "chevrotain";
import type { Span } from "./ast.js";
import type { SyntaxIssue } from "./issue.js";
import { endOf } from "./lex.js";
import * as t from "./tokens.js";

const closerOf: ReadonlyMap<TokenType, TokenType> = new Map([
  [t.LParen, t.RParen],
  [t.LBracket, t.RBracket],
  [t.LBrace, t.RBrace],
]);
const closers: ReadonlySet<TokenType> = new Set(closerOf.values());
const symbolOf: ReadonlyMap<TokenType, string> = new Map([
  [t.RParen, ")"],
  [t.RBracket, "]"],
  [t.RBrace, "}"],
]);
const declarationWords: ReadonlySet<string> = new Set([
  "param",
  "dataset",
  "backbone",
  "block",
  "episode",
  "metric",
  "fn",
  "pretrain",
  "meta",
  "evaluate",
  "import",
]);
/** Deeper nesting than this is refused: the walks over the tree are recursive. */
export const maxDepth = 150;

export interface Balanced {
  readonly tokens: IToken[];
  readonly issues: SyntaxIssue[];
}

export function balance(tokens: IToken[], file: string): Balanced {
  if (isBalanced(tokens)) return { tokens, issues: [] };
  const spanOf = (token: IToken): Span => ({ file, start: token.startOffset, end: endOf(token) });
  const issues: SyntaxIssue[] = [];
  const result: IToken[] = [];
  const open: IToken[] = [];
  const close = (opener: IToken, at: IToken | undefined): void => {
    const type = closerOf.get(opener.tokenType) ?? t.RBrace;
    const symbol = symbolOf.get(type) ?? "}";
    issues.push({
      kind: "unclosed",
      span: spanOf(opener),
      found: opener.image,
      expected: `\`${symbol}\``,
      ...(at && { other: { span: spanOf(at), text: `a \`${symbol}\` is missing before this` } }),
    });
    result.push(inserted(type, result.at(-1) ?? opener));
  };
  for (const token of tokens) {
    if (open.length > 0 && startsDeclaration(token)) {
      for (let opener = open.pop(); opener; opener = open.pop()) close(opener, token);
    }
    if (closerOf.has(token.tokenType)) {
      open.push(token);
      result.push(token);
    } else if (closers.has(token.tokenType)) {
      const at = open.findLastIndex((opener) => closerOf.get(opener.tokenType) === token.tokenType);
      if (at < 0) {
        issues.push({ kind: "stray-closer", span: spanOf(token), found: token.image, expected: "" });
        continue;
      }
      while (open.length > at + 1) {
        const opener = open.pop();
        if (opener) close(opener, token);
      }
      open.pop();
      result.push(token);
    } else {
      result.push(token);
    }
  }
  for (let opener = open.pop(); opener; opener = open.pop()) close(opener, undefined);
  return { tokens: result, issues };
}

function isBalanced(tokens: readonly IToken[]): boolean {
  const open: IToken[] = [];
  for (const token of tokens) {
    if (closerOf.has(token.tokenType)) open.push(token);
    else if (closers.has(token.tokenType)) {
      const opener = open.pop();
      if (opener === undefined || closerOf.get(opener.tokenType) !== token.tokenType) return false;
    }
  }
  return open.length === 0;
}

/** A declaration's word at the very start of a line: nobody indents those, and nothing else stands there. */
function startsDeclaration(token: IToken): boolean {
  return token.startColumn === 1 && declarationWords.has(token.image);
}

/** The token where brackets nest too deeply, if they do. */
export function tooDeep(tokens: readonly IToken[]): IToken | undefined {
  let depth = 0;
  for (const token of tokens) {
    if (closerOf.has(token.tokenType)) depth++;
    else if (closers.has(token.tokenType)) depth--;
    if (depth > maxDepth) return token;
  }
  return undefined;
}

/** A closer that the text lacks, of no width, just after `after`. */
function inserted(type: TokenType, after: IToken): IToken {
  const offset = endOf(after);
  return {
    image: "",
    startOffset: offset,
    endOffset: offset - 1,
    startLine: after.endLine ?? 1,
    endLine: after.endLine ?? 1,
    startColumn: (after.endColumn ?? 0) + 1,
    endColumn: after.endColumn ?? 0,
    tokenType: type,
    tokenTypeIdx: type.tokenTypeIdx ?? 0,
  };
}
