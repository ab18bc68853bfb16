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
  const { closer, after } = early;
  const other = { span: spanOf(after, file), text: "with it, this stands outside" };
  return {
    tokens: rest.tokens,
    issues: [
      { kind: "stray-closer", span: spanOf(closer, file), found: closer.image, expected: "", other },
      ...rest.issues,
    ],
  };
}

/** Gives every opener a closer and every closer an opener: a missing closer is put in, and a stray one left out, where that is likeliest. */
function repairBrackets(tokens: IToken[], file: string): Balanced {
  const unmatched = findUnmatched(tokens);
  const strays = tokens.filter((token) => unmatched.strays.has(token));
  const repaired = insertClosers(tokens, unmatched, file);
  return {
    tokens: repaired.tokens,
    issues: [
      ...strays.map((stray): SyntaxIssue => {
        return { kind: "stray-closer", span: spanOf(stray, file), found: stray.image, expected: "" };
      }),
      ...repaired.issues,
    ],
  };
}

function spanOf(token: IToken, file: string): Span {
  return { file, start: token.startOffset, end: endOf(token) };
}

interface Unmatched {
  readonly unclosed: ReadonlySet<IToken>;
  readonly strays: ReadonlySet<IToken>;
  /** The unclosed `{`s that end before a token: a declaration, or the closer of an outer group. Others end with the text. */
  readonly endingBefore: ReadonlyMap<IToken, readonly IToken[]>;
}

/** Finds the openers without a closer and the closers without an opener. */
function findUnmatched(tokens: readonly IToken[]): Unmatched {
  const unclosed = new Set<IToken>();
  const strays = new Set<IToken>();
  const endingBefore = new Map<IToken, IToken[]>();
  const open: IToken[] = [];
  const markUnclosed = (opener: IToken, at: IToken | undefined): void => {
    unclosed.add(opener);
    if (at !== undefined && opener.tokenType === t.LBrace)
      endingBefore.set(at, [...(endingBefore.get(at) ?? []), opener]);
  };
  for (const token of tokens) {
    if (open.length > 0 && startsDeclaration(token)) {
      for (let opener = open.pop(); opener; opener = open.pop()) markUnclosed(opener, token);
    }
    if (closerOf.has(token.tokenType)) open.push(token);
    else if (closers.has(token.tokenType)) {
      const at = open.findLastIndex((opener) => closerOf.get(opener.tokenType) === token.tokenType);
      if (at < 0) {
        strays.add(token);
        continue;
      }
      for (const opener of open.splice(at + 1).reverse()) markUnclosed(opener, token);
      open.pop();
    }
  }
  for (let opener = open.pop(); opener; opener = open.pop()) markUnclosed(opener, undefined);
  return { unclosed, strays, endingBefore };
}

/** Leaves out stray closers and puts in missing ones, with an issue for each that was missing. */
function insertClosers(
  tokens: readonly IToken[],
  { unclosed, strays, endingBefore }: Unmatched,
  file: string,
): Balanced {
  const issues: SyntaxIssue[] = [];
  const result: IToken[] = [];
  const groups: IToken[] = [];
  const close = (opener: IToken, before: IToken | undefined): void => {
    const type = closerOf.get(opener.tokenType) ?? t.RBrace;
    const expected = `\`${type.PATTERN}\``;
    const other = before && { span: spanOf(before, file), text: `a ${expected} is missing before this` };
    const span = spanOf(opener, file);
    issues.push({ kind: "unclosed", span, found: opener.image, expected, ...(other && { other }) });
    result.push(insertedToken(type, result.at(-1) ?? opener));
  };
  tokens.forEach((token, i) => {
    if (strays.has(token)) return;
    // An unclosed parenthesis ends with its line, or earlier, before the result or body that follows it on the line.
    const opensBody = token.tokenType === t.LBrace && tokens[i + 1]?.startLine !== token.startLine;
    for (let top = groups.at(-1); top; top = groups.at(-1)) {
      const newLine = token.startLine !== (result.at(-1) ?? top).endLine;
      const ended =
        top.tokenType === t.LBrace
          ? endingBefore.get(token)?.includes(top) === true
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
