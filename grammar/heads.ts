/**
 * The heads of declarations, before parsing: a word that is misspelt (`Meta proto {`) and a `:` where a block begins
 * (`meta proto:`) cost one message each, and not one for each line of what was declared.
 */
import type { IToken, TokenType } from "chevrotain";
import type { Span } from "./ast.js";
import { inserted } from "./balance.js";
import { tokenMatcher } from "./chevrotain.js";
import type { SyntaxIssue } from "./issue.js";
import { endOf } from "./lex.js";
import * as t from "./tokens.js";

export interface Headed {
  readonly tokens: IToken[];
  readonly issues: readonly SyntaxIssue[];
}

export function fixHeads(tokens: IToken[], file: string): Headed {
  const issues: SyntaxIssue[] = [];
  const result: IToken[] = [];
  const spanOf = (token: IToken): Span => ({ file, start: token.startOffset, end: endOf(token) });
  let depth = 0;
  let head: IToken | undefined;
  /** The `{` that stands for a `:`; its block ends before the next line that begins at the margin. */
  let opened: IToken | undefined;
  for (const [i, token] of tokens.entries()) {
    const next = tokens[i + 1];
    if (opened !== undefined && token.startColumn === 1) {
      if (token.tokenType !== t.RBrace) {
        result.push(inserted(t.RBrace, result.at(-1) ?? opened));
        depth--;
      }
      opened = undefined;
    }
    if (depth === 0 && token.startColumn === 1) {
      const word = next !== undefined && sameLine(token, next) && isName(next) ? meant(token) : undefined;
      head = word !== undefined || t.declarationWords.has(token.image) ? token : undefined;
      if (word !== undefined) {
        issues.push({ kind: "not-a-declaration", span: spanOf(token), found: token.image, expected: "" });
        result.push({ ...as(token, t.words[word]), image: word });
        continue;
      }
    }
    const lastOfHead = head !== undefined && sameLine(head, token) && next !== undefined && !sameLine(token, next);
    if (depth === 0 && lastOfHead && token.tokenType === t.Colon && next.startColumn !== 1) {
      issues.push({ kind: "unexpected", span: spanOf(token), found: token.image, expected: "`{`" });
      opened = as(token, t.LBrace);
      result.push(opened);
      depth++;
      continue;
    }
    if (token.tokenType === t.LBrace) depth++;
    else if (token.tokenType === t.RBrace) depth--;
    result.push(token);
  }
  if (opened !== undefined) result.push(inserted(t.RBrace, result.at(-1) ?? opened));
  return { tokens: issues.length === 0 ? tokens : result, issues };
}

const sameLine = (a: IToken, b: IToken): boolean => a.endLine === b.startLine;
const isName = (token: IToken): boolean => tokenMatcher(token, t.Identifier);
const as = (token: IToken, tokenType: TokenType): IToken => ({
  ...token,
  tokenType,
  tokenTypeIdx: tokenType.tokenTypeIdx ?? 0,
});

/** The word of declarations that a name must have been meant for. Of short ones, only another case. */
function meant(token: IToken): t.DeclarationWord | undefined {
  if (!isName(token) || t.declarationWords.has(token.image) || token.tokenType === t.words.fsl) return undefined;
  const found = token.image.toLowerCase();
  const near = (word: string): boolean => (word.length < 4 ? word === found : oneSlip(word, found));
  return t.declarationList.find(near);
}

/** Whether two words are equal but for a letter put in, left out or changed, or two neighbours swapped. */
function oneSlip(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const left = a.slice(start, a.length - end);
  const right = b.slice(start, b.length - end);
  if (left.length <= 1 && right.length <= 1) return true;
  return left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
}
