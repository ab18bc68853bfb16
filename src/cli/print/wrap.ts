/** Wraps prose to a given width. */
import { printableLines } from "../../common/printable.js";

/** Returns the lines of a text that is broken at spaces. A word that is longer than a line has a line of its own. The text is cleaned. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of printableLines(text).split(" ")) {
    if (line !== "" && [...line].length + 1 + [...word].length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Returns the head with the wrapped text beside it. */
export function hanging(head: string, text: string, width: number): string[] {
  const indent = [...head].length;
  return wrap(text, Math.max(20, width - indent)).map((line, i) => (i === 0 ? head : " ".repeat(indent)) + line);
}
