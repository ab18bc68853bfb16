/** Describes the mistakes of a text as data. The compiler turns each into a diagnostic with a code. */
import type { Span } from "./ast.js";

export type IssueKind =
  | "unexpected"
  | "unclosed"
  | "stray-closer"
  | "unterminated-text"
  | "unknown-escape"
  | "unknown-character"
  | "look-alike"
  | "foreign-name"
  | "hash-comment"
  | "double-star"
  | "colon-for-equals"
  | "equals-for-colon"
  | "missing-comma"
  | "conflict-marker"
  | "numbered-axis"
  | "idle-rename"
  | "no-value"
  | "second-value"
  | "not-a-declaration"
  | "foreign-operator"
  | "single-quotes"
  | "number-form"
  | "unknown-line"
  | "foreign-form"
  | "too-deep";

export interface SyntaxIssue {
  readonly kind: IssueKind;
  readonly span: Span;
  /** The text at the place of the mistake; empty if there is none. */
  readonly found: string;
  /** The thing that should stand there, in words: "`)`", "a name". */
  readonly expected: string;
  /** A second place that matters, such as the bracket that was opened. */
  readonly other?: { readonly span: Span; readonly text: string };
}

export interface Comment {
  /** The comment as written, from `//` to the end of the line. */
  readonly text: string;
  readonly span: Span;
  /** True if code stands before the comment on its line. */
  readonly trailing: boolean;
}

/** The parts of a text that the tree does not hold and a formatter must keep. */
export interface Trivia {
  readonly comments: readonly Comment[];
  /** Offsets of the tokens and comments that have an empty line before them. */
  readonly blanks: ReadonlySet<number>;
  /** Offsets of the tokens that are the first on their lines. */
  readonly breaks: ReadonlySet<number>;
}
