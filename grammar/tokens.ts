/**
 * The tokens of FSL. No word is reserved: a keyword is an identifier that also has a type of its own, and the parser
 * decides by its place what it means.
 */
import type { TokenType } from "chevrotain";
import { createToken } from "./chevrotain.js";

/** The category of every token, so that recovery can skip any of them. */
export const Any = createToken({ name: "Any" });
/** A word: a name, an axis, a unit or a keyword. Primes belong to it. */
export const Identifier = createToken({ name: "Identifier", categories: [Any] });
/** A word with letters outside ASCII. It becomes an `Identifier` after its issue is noted. */
export const ForeignName = createToken({ name: "ForeignName" });

/** The symbols by their text. */
export const symbols = new Map<string, TokenType>();
function symbol(name: string, pattern: string, categories: TokenType[] = []): TokenType {
  const made = createToken({ name, pattern, categories: [Any, ...categories] });
  symbols.set(pattern, made);
  return made;
}

/** The category of the operators between two operands: symbols, `and`, `or`. */
export const Operator = createToken({ name: "Operator" });
export const NumberToken = createToken({ name: "Number", categories: [Any] });
export const Text = createToken({ name: "Text", categories: [Any] });

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
export const At = symbol("At", "@", [Operator]);
export const Question = symbol("Question", "?");
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

/** The look-alikes of ASCII symbols that papers and word processors contain. */
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
/** The kinds of stages, each by the word that it begins with. */
export const stageKinds = ["pretrain", "meta", "evaluate"] as const;
export type StageKind = (typeof stageKinds)[number];

export function isStageKind(word: string | undefined): word is StageKind {
  return stageKinds.some((kind) => kind === word);
}

/** The words that declarations begin with. */
export const declarationList = [
  "import",
  "param",
  "sweep",
  "dataset",
  "backbone",
  "block",
  "episode",
  "metric",
  "fn",
  ...stageKinds,
] as const;
const lineList = [
  "encoder",
  "head",
  "metric",
  "data",
  "episodes",
  "optimizer",
  "schedule",
  "validate",
  "report",
  "loss",
  "fit",
  "learn",
  "init",
] as const;
const wordList = [
  "fsl",
  ...declarationList,
  ...lineList,
  "from",
  "with",
  "as",
  "over",
  "along",
  "like",
  "positive",
  "fixed",
  "random",
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
  "any",
  "module",
  "true",
  "false",
  "residual",
  "shortcut",
  "parallel",
  "of",
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
  "all",
  "hold",
  "out",
] as const;
export type Word = (typeof wordList)[number];
/** The words that have a meaning of their own in some place. */
export const words = Object.fromEntries(
  [...new Set(wordList)].map((word) => [
    word,
    createToken({
      name: `word_${word}`,
      label: word,
      categories: word === "and" || word === "or" ? [Identifier, Operator] : [Identifier],
    }),
  ]),
) as Readonly<Record<Word, TokenType>>;
export type DeclarationWord = (typeof declarationList)[number];
export const declarationWords: ReadonlySet<string> = new Set(declarationList);
/** The first words of those lines of a stage that have rules of their own. */
export const lineWords: readonly Word[] = lineList;
/** The words that begin something other than a value in some place. As names of values they are printed in parentheses. */
export const guardedWords: ReadonlySet<string> = new Set<Word>([
  "if",
  "else",
  "each",
  "any",
  "module",
  "not",
  "and",
  "or",
  "let",
  "repeat",
  "minimize",
  "over",
  "along",
  "as",
  "from",
  "by",
  "for",
  "until",
  "at",
  "like",
  "positive",
  "of",
  "per",
  "frozen",
  "untrained",
  "first_order",
  "every",
  "keep",
  "drop",
  "true",
  "false",
  "with",
  "fn",
]);
/** A word that stands after a number on its line and is its unit: `5 shot`. */
export const Unit = createToken({ name: "Unit", categories: [Any] });

/** The tokens of the scanner that `lex` replaces by tokens of the grammar. */
export const lexed = {
  OpenText: createToken({ name: "OpenText" }),
  SingleQuoted: createToken({ name: "SingleQuoted" }),
  /** “A text in curly quotes”. */
  CurlyText: createToken({ name: "CurlyText" }),
  LookAlike: createToken({ name: "LookAlike" }),
  /** `0x10`, `1_000` or `1.`. */
  ForeignNumber: createToken({ name: "ForeignNumber" }),
} as const;

/** Every token type that the parser may meet. */
export const vocabulary: TokenType[] = [
  Any,
  Operator,
  Identifier,
  NumberToken,
  Unit,
  Text,
  ...symbols.values(),
  ...Object.values(words),
];
