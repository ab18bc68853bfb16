/**
 * Repairs what people write who come from Python, YAML or another language. It runs only on a text that does not parse, so it
 * never touches a right one. Each habit costs one message, and the tokens that it is replaced by cause no other.
 */
import type { IToken, TokenType } from "chevrotain";
import type { Span } from "./ast.js";
import { insertedToken } from "./balance.js";
import { expressionHabits } from "./habits/expressions.js";
import { fileHabits } from "./habits/files.js";
import { lineHabits } from "./habits/lines.js";
import type { Habit, Inside, Place } from "./habits/place.js";
import { statementHabits } from "./habits/statements.js";
import type { SyntaxIssue } from "./issue.js";
import { endOf } from "./lex.js";
import * as t from "./tokens.js";

export interface WithoutHabits {
  readonly tokens: IToken[];
  readonly issues: readonly SyntaxIssue[];
}

const habits: readonly Habit[] = [...fileHabits, ...lineHabits, ...statementHabits, ...expressionHabits];

export function replaceHabits(tokens: IToken[], file: string): WithoutHabits {
  const surroundings = new Surroundings();
  const issues: SyntaxIssue[] = [];
  const result: IToken[] = [];
  /** The columns of the lines whose `:` has become a `{`. Such a block ends before the next line that is not further right. */
  const indents: number[] = [];
  const put = (token: IToken): void => {
    surroundings.pass(token);
    result.push(token);
  };
  const dedent = (column: number): void => {
    for (let top = indents.at(-1); top !== undefined && top >= column; top = indents.at(-1)) {
      indents.pop();
      const last = result.at(-1);
      if (last !== undefined) put(insertedToken(t.RBrace, last));
    }
  };
  for (let i = 0; i < tokens.length; ) {
    const token = tokens[i] as IToken;
    const before = tokens[i - 1];
    if (before?.endLine !== token.startLine) dedent(token.startColumn ?? 1);
    const place: Place = { tokens, i, inside: surroundings.inside, parens: surroundings.parens };
    const found = firstOf(habits, place);
    if (found === undefined) {
      put(token);
      i++;
      continue;
    }
    if (found.what !== undefined) {
      const last = tokens[found.marked === undefined ? i : i + found.marked - 1] ?? token;
      const span: Span = { file, start: token.startOffset, end: endOf(last) };
      issues.push({ kind: "foreign-form", span, found: found.what, expected: found.help });
    }
    for (const replacement of found.put) put(replacement);
    if (found.indent !== undefined) indents.push(found.indent);
    i += found.taken;
  }
  dedent(0);
  return { tokens: issues.length === 0 ? tokens : result, issues };
}

function firstOf(all: readonly Habit[], place: Place): ReturnType<Habit> {
  for (const habit of all) {
    const found = habit(place);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Follows the brackets, and knows what the innermost braces hold. */
class Surroundings {
  private readonly braces: { readonly inside: Inside; readonly parens: number }[] = [];
  /** The word of the declaration, until its first brace. */
  private head: string | undefined;
  private last: TokenType | undefined;
  parens = 0;

  get inside(): Inside {
    return this.braces.at(-1)?.inside ?? "file";
  }

  pass(token: IToken): void {
    if (this.inside === "file" && this.parens === 0 && t.declarationWords.has(token.image)) this.head ??= token.image;
    if (token.tokenType === t.LBrace) {
      this.braces.push({ inside: this.opened(), parens: this.parens });
      this.parens = 0;
    } else if (token.tokenType === t.RBrace) {
      this.parens = this.braces.pop()?.parens ?? 0;
      if (this.braces.length === 0) this.head = undefined;
    } else if (token.tokenType === t.LParen || token.tokenType === t.LBracket) this.parens++;
    else if (token.tokenType === t.RParen || token.tokenType === t.RBracket) this.parens = Math.max(0, this.parens - 1);
    if (this.braces.length === 0 && token.startColumn === 1 && t.declarationWords.has(token.image))
      this.head = token.image;
    this.last = token.tokenType;
  }

  private opened(): Inside {
    const outer = this.inside;
    if (outer === "file") {
      if (t.isStageKind(this.head) || this.head === "dataset") return "lines";
      if (this.head === "fn") return "body";
      if (this.head === "metric") return "metric";
      return this.head === "import" ? "other" : "layers";
    }
    if (outer === "metric") return "body";
    if (outer === "lines") return this.last === t.RParen || this.last === t.words.loss ? "body" : "other";
    return outer;
  }
}
