/**
 * Splits a text into words, numbers, symbols and comments, each with its place, by one regular expression. Chevrotain's lexer
 * prepares its patterns anew at every start, which takes longer than reading an experiment.
 */
import type { IToken, TokenType } from "chevrotain";
import * as t from "./tokens.js";

/** A piece of the text. `endOffset` is the offset of its last character. */
export interface Piece {
  readonly image: string;
  readonly startOffset: number;
  readonly endOffset?: number;
  readonly startLine?: number;
  readonly endLine?: number;
}
export interface Scanned {
  readonly tokens: IToken[];
  /** The runs of characters that begin no token. */
  readonly unknown: readonly { readonly start: number; readonly end: number }[];
  /** The comments, each from `//` to the end of its line. */
  readonly comments: readonly Piece[];
  /** The comments in the style of Python, each from `#` to the end of its line. */
  readonly hashes: readonly Piece[];
  readonly conflicts: readonly Piece[];
  /** The comments of other languages that may have several lines. */
  readonly blocks: readonly Piece[];
}

const letter =
  "\\u00aa\\u00b5\\u00ba\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u2c00-\\u2dff\\u3040-\\ud7ff\\uf900-\\ufaff";
const lookAlike = `[${Object.keys(t.lookAlikes).join("")}]`;
const symbol = [...t.symbols.keys()]
  .sort((a, b) => b.length - a.length)
  .map((text) => text.replace(/./g, "\\$&"))
  .join("|");

/** The patterns, in the order in which they are tried. Primes belong to a word. */
const patterns = {
  space: "[ \\t\\r\\n\\u00a0\\ufeff]+",
  comment: "//[^\\r\\n]*",
  blockComment: "/\\*[^]*?\\*/",
  docstring: '"""[^]*?"""',
  hash: "#[^\\r\\n]*",
  conflict: "(?:<{7}|>{7}|\\|{7})(?: [^\\r\\n]*)?|={7}(?=[\\r\\n]|$)",
  word: `[A-Za-z_${letter}][A-Za-z0-9_${letter}\\u2080-\\u209c]*'*`,
  foreignNumber:
    "0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\\d+(?:_\\d+)+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|\\d+\\.(?=[\\s,)\\]}]|$)",
  number: "(?:\\d+(?:\\.\\d+)?|\\.\\d+)(?:[eE][+-]?\\d+)?",
  text: '"(?:[^"\\\\\\r\\n]|\\\\[^\\r\\n])*"',
  openText: '"(?:[^"\\\\\\r\\n]|\\\\[^\\r\\n])*\\\\?',
  singleQuoted: "'[^'\\r\\n]*'",
  curlyText: '[“”„][^“”„"\\r\\n]*[“”"]',
  lookAlike,
  symbol,
} as const;
type Kind = keyof typeof patterns;
const kinds = Object.keys(patterns) as Kind[];
const pattern = new RegExp(
  Object.values(patterns)
    .map((source) => `(${source})`)
    .join("|"),
  "y",
);

export function scan(text: string): Scanned {
  const tokens: IToken[] = [];
  const unknown: { start: number; end: number }[] = [];
  const comments: Piece[] = [];
  const hashes: Piece[] = [];
  const conflicts: Piece[] = [];
  const blocks: Piece[] = [];
  let line = 1;
  let lineStart = 0;
  let offset = 0;
  while (offset < text.length) {
    pattern.lastIndex = offset;
    const found = pattern.exec(text);
    if (found === null) {
      const last = unknown.at(-1);
      if (last?.end === offset) last.end++;
      else unknown.push({ start: offset, end: offset + 1 });
      offset++;
      continue;
    }
    const [image] = found;
    const kind = kinds[found.indexOf(image, 1) - 1] ?? "symbol";
    const startOffset = offset;
    offset += image.length;
    const endOffset = offset - 1;
    const isBlock = kind === "blockComment" || kind === "docstring";
    if (isBlock) blocks.push({ image, startOffset, endOffset });
    if (kind === "space" || isBlock) {
      for (let end = lineEnd(text, startOffset, offset); end > 0; end = lineEnd(text, end, offset)) {
        line++;
        lineStart = end;
      }
      continue;
    }
    if (kind === "comment" || kind === "hash" || kind === "conflict") {
      const list = { comment: comments, hash: hashes, conflict: conflicts }[kind];
      list.push({ image, startOffset, endOffset, startLine: line, endLine: line });
      continue;
    }
    const tokenType = typeOf(kind, image);
    tokens.push({
      image,
      startOffset,
      endOffset,
      startLine: line,
      endLine: line,
      startColumn: startOffset - lineStart + 1,
      endColumn: endOffset - lineStart + 1,
      tokenType,
      tokenTypeIdx: tokenType.tokenTypeIdx ?? 0,
    });
  }
  return { tokens, unknown, comments, hashes, conflicts, blocks };
}

/** Returns the offset after the first line end between two offsets, or 0 if there is none. `\r\n` is one line end. */
function lineEnd(text: string, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    const at = text[i];
    if (at === "\n" || (at === "\r" && !(text[i + 1] === "\n" && i + 1 < to))) return i + 1;
  }
  return 0;
}

function typeOf(
  kind: Exclude<Kind, "space" | "comment" | "hash" | "conflict" | "blockComment" | "docstring">,
  image: string,
): TokenType {
  switch (kind) {
    case "word":
      return /^[\w']+$/.test(image) ? t.Identifier : t.ForeignName;
    case "foreignNumber":
      return t.lexed.ForeignNumber;
    case "number":
      return t.NumberToken;
    case "text":
      return t.Text;
    case "openText":
      return t.lexed.OpenText;
    case "singleQuoted":
      return t.lexed.SingleQuoted;
    case "curlyText":
      return t.lexed.CurlyText;
    case "lookAlike":
      return t.lexed.LookAlike;
    case "symbol":
      return t.symbols.get(image) ?? t.Any;
  }
}
