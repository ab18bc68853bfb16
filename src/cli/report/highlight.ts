/** Colors the text of an experiment with the tokens of the grammar. */
import type { IToken } from "chevrotain";
import { lex } from "../../../grammar/lex.js";
import { Identifier, NumberToken, Text, Unit } from "../../../grammar/tokens.js";
import { escapeText, Markup } from "./markup.js";

/** The names of the colors. They are classes in the style sheet of the page. */
type Color = "comment" | "text" | "number" | "unit" | "keyword";

interface Colored {
  readonly start: number;
  readonly end: number;
  readonly color: Color;
}

/** Returns the text of a file with its words, numbers, texts and comments colored. A text with mistakes is shown in full too. */
export function highlight(text: string, file: string): Markup {
  const lines = text.replace(/\r\n?/g, "\n");
  const { tokens, trivia } = lex(lines, file);
  const colored: Colored[] = [
    ...tokens.flatMap((token, i) => {
      const color = colorOf(token, tokens[i + 1]);
      return color === undefined
        ? []
        : [{ start: token.startOffset, end: token.startOffset + token.image.length, color }];
    }),
    ...trivia.comments.map(({ span }) => ({
      start: span.start,
      end: span.end,
      color: "comment" as const,
    })),
  ].sort((a, b) => a.start - b.start);
  let at = 0;
  let html = "";
  for (const { start, end, color } of colored) {
    if (start < at) continue;
    html += `${escapeText(lines.slice(at, start))}<span class="fsl-${color}">${escapeText(lines.slice(start, end))}</span>`;
    at = end;
  }
  return new Markup(html + escapeText(lines.slice(at)));
}

function colorOf({ tokenType, image }: IToken, next: IToken | undefined): Color | undefined {
  if (tokenType === Text) return "text";
  if (tokenType === NumberToken) return "number";
  if (tokenType === Unit) return "unit";
  // A word with a meaning of its own has a type of its own. Before `:` or `(` it is the name of an argument or a call.
  const isWord = tokenType !== Identifier && /^[a-z]/.test(image);
  return isWord && next?.image !== ":" && next?.image !== "(" ? "keyword" : undefined;
}
