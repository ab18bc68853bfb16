/** Formats a text and proves that nothing was lost: the result has the same tree and the same comments, and formatting it again changes nothing. */
import type { SyntaxIssue } from "./issue.js";
import { type Parsed, parse } from "./parse.js";
import { print } from "./print.js";

export type Formatted =
  | { readonly kind: "formatted"; readonly text: string }
  /** The text has syntax errors. It cannot be formatted, because the parts that the parser skipped would be lost. */
  | { readonly kind: "invalid"; readonly issues: readonly SyntaxIssue[] }
  /** The formatter would change the meaning of the text: a bug of the formatter. */
  | { readonly kind: "unsafe"; readonly why: string };

export function format(text: string, file: string): Formatted {
  const before = parse(text, file);
  if (before.errors.length > 0) return { kind: "invalid", issues: before.errors };
  const printed = print(before.tree, before.trivia);
  const after = parse(printed, file);
  const why = difference(before, after, printed);
  return why === undefined ? { kind: "formatted", text: printed } : { kind: "unsafe", why };
}

function difference(before: Parsed, after: Parsed, printed: string): string | undefined {
  if (after.errors.length > 0) return "the formatted text does not parse";
  if (withoutSpans(after.tree) !== withoutSpans(before.tree)) return "the formatted text has another meaning";
  if (comments(after) !== comments(before)) return "the formatted text has other comments";
  if (print(after.tree, after.trivia) !== printed) return "formatting the text again changes it";
  return undefined;
}

const withoutSpans = (tree: unknown): string =>
  JSON.stringify(tree, (key, value: unknown) => (key === "span" || key.endsWith("Span") ? undefined : value));

const comments = ({ trivia }: Parsed): string => JSON.stringify(trivia.comments.map(({ text }) => text));
