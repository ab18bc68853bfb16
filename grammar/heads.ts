/**
 * Repairs the heads of declarations before parsing. A misspelled word (`Meta proto {`) or a `:` where a block begins
 * (`meta proto:`) then costs one message, not one for each line of the declaration.
 */
import type { IToken, TokenType } from "chevrotain";
import type { Span } from "./ast.js";
import { insertedToken } from "./balance.js";
import { tokenMatcher } from "./chevrotain.js";
import type { SyntaxIssue } from "./issue.js";
import { endOf } from "./lex.js";
import * as t from "./tokens.js";

export interface FixedHeads {
  readonly tokens: IToken[];
  readonly issues: readonly SyntaxIssue[];
}

export function fixHeads(tokens: IToken[], file: string): FixedHeads {
  const issues: SyntaxIssue[] = [];
  const result: IToken[] = [];
  const spanOf = (token: IToken): Span => ({ file, start: token.startOffset, end: endOf(token) });
  let depth = 0;
  let head: IToken | undefined;
  /** The `{` that replaces a `:`. Its block ends before the next line that begins in the first column. */
  let opened: IToken | undefined;
  for (const [i, token] of tokens.entries()) {
    const next = tokens[i + 1];
    if (opened !== undefined && token.startColumn === 1) {
      if (token.tokenType !== t.RBrace) {
        result.push(insertedToken(t.RBrace, result.at(-1) ?? opened));
        depth--;
      }
      opened = undefined;
    }
    if (depth === 0 && token.startColumn === 1) {
      const word = next !== undefined && sameLine(token, next) && isName(next) ? intendedWord(token) : undefined;
      head = word !== undefined || t.declarationWords.has(token.image) ? token : undefined;
      if (word !== undefined) {
        issues.push({ kind: "not-a-declaration", span: spanOf(token), found: token.image, expected: "" });
        result.push({ ...retyped(token, t.words[word]), image: word });
        continue;
      }
    }
    const lastOfHead = head !== undefined && sameLine(head, token) && next !== undefined && !sameLine(token, next);
    if (depth === 0 && lastOfHead && token.tokenType === t.Colon && next.startColumn !== 1) {
      issues.push({ kind: "unexpected", span: spanOf(token), found: token.image, expected: "`{`" });
      opened = retyped(token, t.LBrace);
      result.push(opened);
      depth++;
      continue;
    }
    if (token.tokenType === t.LBrace) depth++;
    else if (token.tokenType === t.RBrace) depth--;
    result.push(token);
  }
  if (opened !== undefined) result.push(insertedToken(t.RBrace, result.at(-1) ?? opened));
  return { tokens: issues.length === 0 ? tokens : result, issues };
}

const sameLine = (a: IToken, b: IToken): boolean => a.endLine === b.startLine;
const isName = (token: IToken): boolean => tokenMatcher(token, t.Identifier);
const retyped = (token: IToken, tokenType: TokenType): IToken => ({
  ...token,
  tokenType,
  tokenTypeIdx: tokenType.tokenTypeIdx ?? 0,
});

/** Returns the declaration word that a name was probably meant to be. A short word matches only in another case (`FN`). */
function intendedWord(token: IToken): t.DeclarationWord | undefined {
  if (!isName(token) || t.declarationWords.has(token.image) || token.tokenType === t.words.fsl) return undefined;
  const found = token.image.toLowerCase();
  const near = (word: string): boolean => (word.length < 4 ? word === found : differByOneEdit(word, found));
  return t.declarationList.find(near);
}

/** Tells whether two words are equal except for one letter added, left out or changed, or two neighbors swapped. */
function differByOneEdit(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const left = a.slice(start, a.length - end);
  const right = b.slice(start, b.length - end);
  if (left.length <= 1 && right.length <= 1) return true;
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
}
