/** Turns a text into tokens: tells keywords and units apart, replaces look-alike characters, and sets comments aside. */
import type { IToken, TokenType } from "chevrotain";
import type { Span } from "./ast.js";
import type { Comment, SyntaxIssue, Trivia } from "./issue.js";
import { type Piece, scan } from "./scan.js";
import * as t from "./tokens.js";

export interface Lexed {
  readonly tokens: IToken[];
  readonly issues: SyntaxIssue[];
  readonly trivia: Trivia;
}

/** The words that are never the unit of a number before them. `episode` and `episodes` may be one, so they are not in the set. */
const notUnits: ReadonlySet<string> = new Set([
  ...t.guardedWords,
  ...[...t.declarationWords, ...t.lineWords].filter((word) => !word.startsWith("episode")),
  "random",
  "transductive",
  "assumes",
  "train",
  "eval",
  "source",
]);
/** The tokens that show, after a word, that the word is not a unit: `3 pad: 0`, `1e-6 mean(x)`. */
const notAfterUnit: ReadonlySet<TokenType> = new Set([t.Colon, t.LParen, t.LBracket, t.Dot, t.Equals]);

export function lex(text: string, file: string): Lexed {
  const { tokens, unknown, comments, hashes, conflicts, blocks } = scan(text);
  const issues: SyntaxIssue[] = [];
  const spanOf = (token: Piece): Span => ({ file, start: token.startOffset, end: endOf(token) });
  const note = (kind: SyntaxIssue["kind"], token: Piece, expected: string): void => {
    issues.push({ kind, span: spanOf(token), found: token.image, expected });
  };
  tokens.forEach((token, i) => {
    retype(token, tokens, i, note);
  });
  for (const token of tokens) if (token.tokenType === t.Text) issues.push(...unknownEscapes(token, file));
  for (const { start, end } of unknown) {
    issues.push({ kind: "unknown-character", span: { file, start, end }, found: text.slice(start, end), expected: "" });
  }
  // A conflict's first line stands for all of its lines.
  const openings = conflicts.filter((marker) => marker.image.startsWith("<"));
  for (const marker of openings.length > 0 ? openings : conflicts) note("conflict-marker", marker, "");
  for (const { image, startOffset } of blocks) {
    const found = "a comment begins with `//` and ends with its line";
    const span = { file, start: startOffset, end: startOffset + image.slice(0, 3).trimEnd().length };
    issues.push({ kind: "foreign-form", span, found, expected: "write `//` before each line of it" });
  }
  for (const hash of hashes) note("hash-comment", hash, "`//`");
  return { tokens, issues, trivia: triviaOf(text, tokens, [...comments, ...hashes], file) };
}

function retype(
  token: IToken,
  tokens: readonly IToken[],
  i: number,
  note: (kind: SyntaxIssue["kind"], token: IToken, expected: string) => void,
): void {
  switch (token.tokenType) {
    case t.Identifier: {
      const before = tokens[i - 1];
      const after = tokens[i + 1];
      const isUnit =
        before !== undefined &&
        before.tokenType === t.NumberToken &&
        !isPathPart(before, tokens[i - 2]) &&
        before.startLine === token.startLine &&
        !notUnits.has(token.image) &&
        !(after !== undefined && notAfterUnit.has(after.tokenType));
      if (isUnit) setType(token, t.Unit);
      else if (Object.hasOwn(t.words, token.image)) setType(token, t.words[token.image as t.Word]);
      break;
    }
    case t.ForeignName:
      note("foreign-name", token, "");
      setType(token, t.Identifier);
      break;
    case t.lexed.OpenText:
      note("unterminated-text", token, '`"`');
      setType(token, t.Text);
      break;
    case t.lexed.SingleQuoted:
    case t.lexed.CurlyText:
      note("single-quotes", token, `\`"${token.image.slice(1, -1)}"\``);
      setType(token, t.Text);
      break;
    case t.lexed.LookAlike: {
      const meant = t.lookAlikes[token.image];
      if (meant === undefined) break;
      note("look-alike", token, `\`${meant.ascii}\``);
      setType(token, meant.token);
      break;
    }
    case t.lexed.ForeignNumber:
      note("number-form", token, `\`${plainNumber(token.image)}\``);
      token.image = plainNumber(token.image);
      setType(token, t.NumberToken);
      break;
    case t.NumberToken:
      if (token.image.startsWith(".") && !isPathPart(token, tokens[i - 1]))
        note("number-form", token, `\`0${token.image}\``);
      break;
    default:
      break;
  }
}

/** Tells whether a number is a part of a path, as the `.0` of `encoder.conv.0.weight` is. */
function isPathPart(number: IToken, before: IToken | undefined): boolean {
  const touches = before?.endOffset !== undefined && before.endOffset + 1 === number.startOffset;
  return /^\.\d+$/.test(number.image) && touches && /[\w\]*]$/.test(before.image);
}

/** Writes a number of another language in digits: `0x10` is `16`, `1_000` is `1000`, and `1.` is `1.0`. */
function plainNumber(image: string): string {
  const digits = image.replaceAll("_", "");
  if (/^0[a-z]$/i.test(digits)) return "0";
  return /^0[a-z]/i.test(digits) ? `${BigInt(digits)}` : digits.replace(/\.$/, ".0");
}

/** Returns the backslashes in a text that begin no escape: `"data\food"` is most often a path of Windows. */
function unknownEscapes(text: IToken, file: string): SyntaxIssue[] {
  return [...text.image.matchAll(/\\(.)/gu)].flatMap(({ 0: found, 1: letter = "", index }): SyntaxIssue[] => {
    if (/["\\nt]/.test(letter)) return [];
    const start = text.startOffset + index;
    return [{ kind: "unknown-escape", span: { file, start, end: start + found.length }, found, expected: "" }];
  });
}

function setType(token: IToken, type: TokenType): void {
  token.tokenType = type;
  token.tokenTypeIdx = type.tokenTypeIdx ?? token.tokenTypeIdx;
}

function triviaOf(text: string, tokens: readonly IToken[], aside: readonly Piece[], file: string): Trivia {
  const comments: Comment[] = [];
  const blanks = new Set<number>();
  const breaks = new Set<number>();
  for (const token of aside) {
    const lineStart = text.lastIndexOf("\n", token.startOffset - 1) + 1;
    const trailing = text.slice(lineStart, token.startOffset).trim() !== "";
    const written = token.image.replace(/^#+\s*/, "// ").trimEnd();
    comments.push({ text: written, span: { file, start: token.startOffset, end: endOf(token) }, trailing });
  }
  comments.sort((a, b) => a.span.start - b.span.start);
  const all = [...tokens, ...aside].sort((a, b) => a.startOffset - b.startOffset);
  all.forEach((token, i) => {
    const lines = (token.startLine ?? 0) - (all[i - 1]?.endLine ?? 0);
    if (lines > 0) breaks.add(token.startOffset);
    if (lines > 1 && i > 0) blanks.add(token.startOffset);
  });
  return { comments, blanks, breaks };
}

/** Returns the offset just after a token. */
export function endOf(token: Pick<IToken, "startOffset" | "endOffset">): number {
  return token.endOffset === undefined ? token.startOffset : token.endOffset + 1;
}
