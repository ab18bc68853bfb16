/** Defines a habit: a function of one place in the tokens. Also holds what habits read from the tokens around it. */
import type { IToken, TokenType } from "chevrotain";
import { insertedToken } from "../balance.js";
import { tokenMatcher } from "../chevrotain.js";
import * as t from "../tokens.js";

/** The content of the innermost braces: lines of a stage or dataset, the body of a function, layers, or a whole metric. */
export type Inside = "file" | "lines" | "body" | "layers" | "metric" | "other";

export interface Place {
  readonly tokens: readonly IToken[];
  readonly i: number;
  readonly inside: Inside;
  /** The parentheses and brackets that are open within these braces. */
  readonly parens: number;
}

export interface Found {
  /** The number of tokens that are replaced. */
  readonly taken: number;
  readonly put: readonly IToken[];
  /** The message, or undefined if it has been given for an earlier part of the same construct. */
  readonly what: string | undefined;
  readonly help: string;
  /** The number of tokens that the message underlines. The default is one. */
  readonly marked?: number;
  /** The column of the line, if a `{` was put whose block ends by its indentation. */
  readonly indent?: number;
}
export type Habit = (place: Place) => Found | undefined;

export function at({ tokens, i }: Place, k = 0): IToken | undefined {
  return tokens[i + k];
}
export function is(place: Place, type: TokenType, k = 0): boolean {
  const token = at(place, k);
  return token !== undefined && tokenMatcher(token, type);
}
/** Tells whether a token is one of these words. */
export function isWord(place: Place, words: readonly string[], k = 0): boolean {
  return is(place, t.Identifier, k) && words.includes(at(place, k)?.image ?? "");
}
/** Tells whether two symbols stand side by side, as in `+=`. */
export function touches(place: Place, k: number): boolean {
  return at(place, k)?.startOffset === (at(place, k - 1)?.endOffset ?? 0) + 1;
}
export function onLine(place: Place, k: number): boolean {
  return at(place, k)?.startLine === at(place)?.startLine;
}

const continuing: readonly TokenType[] = [t.Comma, t.Equals, t.Colon, t.Dot, t.Operator, t.LParen, t.LBracket];

/** Tells whether the place is the beginning of a line, statement or declaration outside of parentheses. */
export function begins(place: Place): boolean {
  if (place.parens > 0) return false;
  const before = at(place, -1);
  if (before === undefined || [t.LBrace, t.RBrace, t.Semicolon].includes(before.tokenType)) return true;
  const goesOn = continuing.some((type) => tokenMatcher(before, type)) || before.image === "from";
  return before.endLine !== at(place)?.startLine && !goesOn;
}

/** Tells whether the token before the place, on its line, ends an operand. */
export function afterOperand(place: Place): boolean {
  const before = at(place, -1);
  if (before === undefined || before.endLine !== at(place)?.startLine) return false;
  if (before.image === "in" || t.guardedWords.has(before.image)) return false;
  return [t.Identifier, t.NumberToken, t.Unit, t.Text, t.RParen, t.RBracket].some((type) => tokenMatcher(before, type));
}

/** Returns the number of tokens from the place to the end of its line, or to a closer that belongs to something around it. */
export function restOfLine(place: Place, from = 0): number {
  let depth = 0;
  let k = from;
  for (; at(place, k) !== undefined; k++) {
    if (depth === 0 && k > from && at(place, k)?.startLine !== at(place, k - 1)?.endLine) break;
    depth += depthOf(place, k);
    if (depth < 0) break;
  }
  return k;
}

/** Returns the number of tokens up to a `,` or closer that ends the argument which goes on at `from`, or to the end of the line. */
export function restOfArgument(place: Place, from: number): number {
  const end = restOfLine(place, from);
  let depth = 0;
  for (let k = from; k < end; k++) {
    if (depth === 0 && is(place, t.Comma, k)) return k;
    depth += depthOf(place, k);
  }
  return end;
}

/** Returns the number of tokens of a line and of the block that it opens: in braces, or the lines that are further right. */
export function statement(place: Place): number {
  const column = at(place)?.startColumn ?? 1;
  let k = restOfLine(place);
  // A block in braces is within the rest of the line already.
  while (at(place, k) !== undefined && (at(place, k)?.startColumn ?? 1) > column && !is(place, t.RBrace, k)) {
    if (at(place, k)?.startLine === at(place, k - 1)?.endLine) break;
    k = restOfLine(place, k);
  }
  return k;
}

/** Returns the place after the bracket that the k-th token opens. */
export function afterBracket(place: Place, k: number): number {
  let depth = 0;
  for (let j = k; at(place, j) !== undefined; j++) {
    depth += depthOf(place, j);
    if (depth === 0) return j + 1;
  }
  return k + 1;
}

function depthOf(place: Place, k: number): number {
  const type = at(place, k)?.tokenType;
  if (type === t.LParen || type === t.LBracket || type === t.LBrace) return 1;
  return type === t.RParen || type === t.RBracket || type === t.RBrace ? -1 : 0;
}

/** Makes a word that the text lacks. */
export function word(text: t.Word, like: IToken): IToken {
  return { ...like, image: text, tokenType: t.words[text], tokenTypeIdx: t.words[text].tokenTypeIdx ?? 0 };
}
export function symbol(type: TokenType, like: IToken): IToken {
  return { ...like, image: `${type.PATTERN}`, tokenType: type, tokenTypeIdx: type.tokenTypeIdx ?? 0 };
}
/** Makes a name without a text, which stands for a value that has been reported. It fits everywhere. */
export function hole(like: IToken): IToken {
  return insertedToken(t.Identifier, like);
}
