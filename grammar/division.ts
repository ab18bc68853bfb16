/** Finds comments that were probably meant as divisions: `let half = n // 2`. */
import type { Span } from "./ast.js";
import { scan } from "./scan.js";
import * as t from "./tokens.js";

/** A comment that holds nothing but a number or the size of an axis, with closing brackets after it. */
const divisor = /^\/\/ ?(?:\d+(?:\.\d+)?|size\(\w+\))[\s)\],]*$/;

/** Returns the places of such comments on lines that calculate. A comment beside a layer or a line of a stage is one. */
export function commentsLikeDivisions(text: string, file: string): Span[] {
  if (!/\/\/ ?(?:\d|size\()/.test(text)) return [];
  const { tokens, comments } = scan(text);
  return comments.flatMap(({ image, startOffset, startLine }) => {
    if (!divisor.test(image)) return [];
    const line = tokens.filter((token) => token.startLine === startLine);
    const calculates = line.some(({ tokenType, image: word }) => tokenType === t.Equals || word === "let");
    const last = line.at(-1)?.tokenType;
    const operand = last === t.Identifier || last === t.NumberToken || last === t.RParen || last === t.RBracket;
    return calculates && operand ? [{ file, start: startOffset, end: startOffset + 2 }] : [];
  });
}
