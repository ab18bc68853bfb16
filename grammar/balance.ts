/**
 * Matches brackets before parsing. A forgotten bracket then costs one message that points at its opener, and the parser's
 * own recovery always works inside a closed pair.
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
/** The deepest nesting that is accepted. The walks over the tree are recursive, so there has to be a limit. */
export const maxDepth = 150;

export interface Balanced {
  readonly tokens: IToken[];
  readonly issues: SyntaxIssue[];
}

export function balance(tokens: IToken[], file: string): Balanced {
  if (isBalanced(tokens)) return { tokens, issues: [] };
  const early = findEarlyCloser(tokens);
  if (early === undefined) return repairBrackets(tokens, file);
  // Without this closer the rest may be right. With it, every line that it leaves outside would be a mistake.
  const rest = balance(
    tokens.filter((token) => token !== early.closer),
    file,
  );
  const spanOf = (token: IToken): Span => ({ file, start: token.startOffset, end: endOf(token) });
  const { closer, after } = early;
  const other = { span: spanOf(after), text: "with it, this stands outside" };
  return {
    tokens: rest.tokens,
    issues: [{ kind: "stray-closer", span: spanOf(closer), found: closer.image, expected: "", other }, ...rest.issues],
  };
}

/** Gives every opener a closer and every closer an opener: a missing closer is put in, and a stray one left out, where that is likeliest. */
function repairBrackets(tokens: IToken[], file: string): Balanced {
  const spanOf = (token: IToken): Span => ({ file, start: token.startOffset, end: endOf(token) });
  const issues: SyntaxIssue[] = [];
  const unclosed = new Set<IToken>();
  const stray = new Set<IToken>();
  /** The token before which each unclosed `{` ends: a declaration, or the closer of an outer group. Others end with the text. */
  const ends = new Map<IToken, IToken[]>();
  const open: IToken[] = [];
  const markUnclosed = (opener: IToken, at: IToken | undefined): void => {
    unclosed.add(opener);
    if (at !== undefined && opener.tokenType === t.LBrace) ends.set(at, [...(ends.get(at) ?? []), opener]);
  };
  for (const token of tokens) {
    if (open.length > 0 && startsDeclaration(token)) {
      for (let opener = open.pop(); opener; opener = open.pop()) markUnclosed(opener, token);
    }
    if (closerOf.has(token.tokenType)) open.push(token);
    else if (closers.has(token.tokenType)) {
      const at = open.findLastIndex((opener) => closerOf.get(opener.tokenType) === token.tokenType);
      if (at < 0) {
        stray.add(token);
        issues.push({ kind: "stray-closer", span: spanOf(token), found: token.image, expected: "" });
        continue;
      }
      for (const opener of open.splice(at + 1).reverse()) markUnclosed(opener, token);
      open.pop();
    }
  }
  for (let opener = open.pop(); opener; opener = open.pop()) markUnclosed(opener, undefined);

  const result: IToken[] = [];
  const groups: IToken[] = [];
  const close = (opener: IToken, before: IToken | undefined): void => {
    const type = closerOf.get(opener.tokenType) ?? t.RBrace;
    const expected = `\`${type.PATTERN}\``;
    const other = before && { span: spanOf(before), text: `a ${expected} is missing before this` };
    issues.push({ kind: "unclosed", span: spanOf(opener), found: opener.image, expected, ...(other && { other }) });
    result.push(insertedToken(type, result.at(-1) ?? opener));
  };
  tokens.forEach((token, i) => {
    if (stray.has(token)) return;
    // An unclosed parenthesis ends with its line, or earlier, before the result or body that follows it on the line.
    const opensBody = token.tokenType === t.LBrace && tokens[i + 1]?.startLine !== token.startLine;
    for (let top = groups.at(-1); top; top = groups.at(-1)) {
      const newLine = token.startLine !== (result.at(-1) ?? top).endLine;
      const ended =
        top.tokenType === t.LBrace
          ? ends.get(token)?.includes(top) === true
          : newLine || opensBody || token.tokenType === t.Arrow || closers.has(token.tokenType);
      if (!unclosed.has(top) || !ended) break;
      groups.pop();
      close(top, token);
    }
    if (closerOf.has(token.tokenType)) groups.push(token);
    else if (closers.has(token.tokenType)) groups.pop();
    result.push(token);
  });
  for (let opener = groups.pop(); opener; opener = groups.pop()) close(opener, undefined);
  return { tokens: result, issues };
}

/**
 * Finds a `}` that closes a declaration although the declaration goes on: the text after it begins no other declaration, and
 * further down there is one `}` too many.
 */
function findEarlyCloser(tokens: readonly IToken[]): { readonly closer: IToken; readonly after: IToken } | undefined {
  const open: TokenType[] = [];
  let last: { readonly closer: IToken; readonly after: IToken } | undefined;
  for (const [i, token] of tokens.entries()) {
    if (startsDeclaration(token)) {
      open.length = 0;
      last = undefined;
    }
    const closer = closerOf.get(token.tokenType);
    if (closer !== undefined) open.push(closer);
    else if (closers.has(token.tokenType)) {
      const at = open.lastIndexOf(token.tokenType);
      if (at >= 0) open.splice(at);
      else if (token.tokenType === t.RBrace && last !== undefined && last.after !== token) return last;
      const after = tokens[i + 1];
      if (at === 0 && token.tokenType === t.RBrace && after !== undefined && !startsDeclaration(after))
        last = { closer: token, after };
    }
  }
  return undefined;
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

/** Tells whether a token is the word of a declaration in the first column. Nobody indents those, and nothing else stands there. */
function startsDeclaration(token: IToken): boolean {
  return token.startColumn === 1 && t.declarationWords.has(token.image);
}

/** Returns the first token at which brackets nest too deeply, or undefined if they never do. */
export function tooDeep(tokens: readonly IToken[]): IToken | undefined {
  let depth = 0;
  for (const token of tokens) {
    if (closerOf.has(token.tokenType)) depth++;
    else if (closers.has(token.tokenType)) depth--;
    if (depth > maxDepth) return token;
  }
  return undefined;
}

/** Makes a closer that the text lacks. It has no width and stands just after `after`. */
export function insertedToken(type: TokenType, after: IToken): IToken {
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
