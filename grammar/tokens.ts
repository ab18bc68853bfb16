/**
 * The tokens of FSL. No word is reserved: a keyword is an identifier that also has a type of its own, and the parser
 * decides by its place what it means.
 */
import type { TokenType } from "chevrotain";
import { createToken, Lexer } from "./chevrotain.js";

/** Every token: what recovery skips. */
export const Any = createToken({ name: "Any", pattern: Lexer.NA });
/** A word: names, axes, units, keywords. Primes belong to it. */
export const Identifier = createToken({ name: "Identifier", pattern: /[A-Za-z_][A-Za-z0-9_]*'*/, categories: [Any] });
/** A word with letters outside ASCII; becomes an `Identifier` after its issue is noted. */
export const ForeignName = createToken({
  name: "ForeignName",
  pattern:
    /[A-Za-z_\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u2c00-\u2dff\u3040-\ud7ff\uf900-\ufaff][A-Za-z0-9_\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u2080-\u209c\u2c00-\u2dff\u3040-\ud7ff\uf900-\ufaff]*'*/,
});
Identifier.LONGER_ALT = [ForeignName];

const symbol = (name: string, pattern: string, categories: TokenType[] = []): TokenType =>
  createToken({ name, pattern, categories: [Any, ...categories] });

/** What stands between two operands: symbols, `and`, `or`. */
export const Operator = createToken({ name: "Operator", pattern: Lexer.NA });
export const NumberToken = createToken({
  name: "Number",
  pattern: /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/,
  categories: [Any],
});
export const Text = createToken({ name: "Text", pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*"/, categories: [Any] });
const OpenText = createToken({ name: "OpenText", pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*\\?/ });
const SingleQuoted = createToken({ name: "SingleQuoted", pattern: /'[^'\r\n]*'/ });
/** “A text in curly quotes”. */
const CurlyText = createToken({ name: "CurlyText", pattern: /[“”„][^“”„"\r\n]*[“”"]/ });
const Comment = createToken({ name: "Comment", pattern: /\/\/[^\r\n]*/, group: "comments" });
const HashComment = createToken({ name: "HashComment", pattern: /#[^\r\n]*/, group: "hashes" });
const ConflictMarker = createToken({
  name: "ConflictMarker",
  pattern: /(?:<{7}|>{7}|\|{7})(?: [^\r\n]*)?|={7}(?=[\r\n]|$)/,
  group: "conflicts",
});
const Space = createToken({
  name: "Space",
  pattern: /[ \t\r\n\u00a0\ufeff]+/,
  group: Lexer.SKIPPED,
  line_breaks: true,
});

export const Arrow = symbol("Arrow", "->");
export const StarStar = symbol("StarStar", "**", [Operator]);
export const AndAnd = symbol("AndAnd", "&&", [Operator]);
export const OrOr = symbol("OrOr", "||", [Operator]);
export const EqualsEquals = symbol("EqualsEquals", "==", [Operator]);
export const NotEquals = symbol("NotEquals", "!=", [Operator]);
export const LessEquals = symbol("LessEquals", "<=", [Operator]);
export const GreaterEquals = symbol("GreaterEquals", ">=", [Operator]);
export const Less = symbol("Less", "<", [Operator]);
export const Greater = symbol("Greater", ">", [Operator]);
export const Plus = symbol("Plus", "+", [Operator]);
export const Minus = symbol("Minus", "-", [Operator]);
export const Star = symbol("Star", "*", [Operator]);
export const Slash = symbol("Slash", "/", [Operator]);
export const Caret = symbol("Caret", "^", [Operator]);
export const Bang = symbol("Bang", "!");
export const Equals = symbol("Equals", "=");
export const Colon = symbol("Colon", ":");
export const Comma = symbol("Comma", ",");
export const Semicolon = symbol("Semicolon", ";");
export const Dot = symbol("Dot", ".");
export const LParen = symbol("LParen", "(");
export const RParen = symbol("RParen", ")");
export const LBracket = symbol("LBracket", "[");
export const RBracket = symbol("RBracket", "]");
export const LBrace = symbol("LBrace", "{");
export const RBrace = symbol("RBrace", "}");

/** Look-alikes of ASCII symbols, as they come from papers and word processors. */
export const lookAlikes: Readonly<Record<string, { readonly token: TokenType; readonly ascii: string }>> = {
  "−": { token: Minus, ascii: "-" },
  "–": { token: Minus, ascii: "-" },
  "—": { token: Minus, ascii: "-" },
  "×": { token: Star, ascii: "*" },
  "·": { token: Star, ascii: "*" },
  "∗": { token: Star, ascii: "*" },
  "÷": { token: Slash, ascii: "/" },
  "≤": { token: LessEquals, ascii: "<=" },
  "≥": { token: GreaterEquals, ascii: ">=" },
  "≠": { token: NotEquals, ascii: "!=" },
  "→": { token: Arrow, ascii: "->" },
  "，": { token: Comma, ascii: "," },
  "：": { token: Colon, ascii: ":" },
  "；": { token: Semicolon, ascii: ";" },
  "＝": { token: Equals, ascii: "=" },
  "（": { token: LParen, ascii: "(" },
  "）": { token: RParen, ascii: ")" },
  "｛": { token: LBrace, ascii: "{" },
  "｝": { token: RBrace, ascii: "}" },
};
const LookAlike = createToken({ name: "LookAlike", pattern: /[−–—×·∗÷≤≥≠→，：；＝（）｛｝]/ });

const wordList = [
  "fsl",
  "import",
  "from",
  "with",
  "as",
  "over",
  "along",
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
  "like",
  "learn",
  "fit",
  "positive",
  "transductive",
  "assumes",
  "let",
  "repeat",
  "until",
  "minimize",
  "by",
  "for",
  "at",
  "test",
  "first_order",
  "if",
  "else",
  "and",
  "or",
  "not",
  "each",
  "module",
  "true",
  "false",
  "residual",
  "shortcut",
  "parallel",
  "data",
  "encoder",
  "head",
  "episodes",
  "optimizer",
  "schedule",
  "validate",
  "report",
  "of",
  "loss",
  "frozen",
  "untrained",
  "per",
  "step",
  "drop",
  "last",
  "every",
  "keep",
  "best",
  "one_of",
] as const;
export type Word = (typeof wordList)[number];
/** The words that mean something in some place. */
export const words = Object.fromEntries(
  wordList.map((word) => [
    word,
    createToken({
      name: `word_${word}`,
      label: word,
      pattern: Lexer.NA,
      categories: word === "and" || word === "or" ? [Identifier, Operator] : [Identifier],
    }),
  ]),
) as Readonly<Record<Word, TokenType>>;
/** A word that stands after a number on its line and is its unit: `5 shot`. */
export const Unit = createToken({ name: "Unit", pattern: Lexer.NA, categories: [Any] });

/** Types that `lex` replaces by those the parser knows. */
export const lexed = { OpenText, SingleQuoted, CurlyText, LookAlike, ForeignName } as const;

export const fslLexer = new Lexer(
  [
    Space,
    Comment,
    HashComment,
    ConflictMarker,
    Identifier,
    ForeignName,
    NumberToken,
    Text,
    OpenText,
    SingleQuoted,
    CurlyText,
    LookAlike,
    Arrow,
    StarStar,
    AndAnd,
    OrOr,
    EqualsEquals,
    NotEquals,
    LessEquals,
    GreaterEquals,
    Less,
    Greater,
    Plus,
    Minus,
    Star,
    Slash,
    Caret,
    Bang,
    Equals,
    Colon,
    Comma,
    Semicolon,
    Dot,
    LParen,
    RParen,
    LBracket,
    RBracket,
    LBrace,
    RBrace,
  ],
  { positionTracking: "full", skipValidations: true },
);

/** Every token type that the parser may meet. */
export const vocabulary: TokenType[] = [
  Any,
  Operator,
  Identifier,
  NumberToken,
  Unit,
  Text,
  Arrow,
  StarStar,
  AndAnd,
  OrOr,
  EqualsEquals,
  NotEquals,
  LessEquals,
  GreaterEquals,
  Less,
  Greater,
  Plus,
  Minus,
  Star,
  Slash,
  Caret,
  Bang,
  Equals,
  Colon,
  Comma,
  Semicolon,
  Dot,
  LParen,
  RParen,
  LBracket,
  RBracket,
  LBrace,
  RBrace,
  ...Object.values(words),
];
