/** Prose in a given width. */

/** Breaks at spaces; a word longer than the line stands alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && [...line].length + 1 + [...word].length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** The head, and the text wrapped beside it. */
export function hanging(head: string, text: string, width: number): string[] {
  const indent = [...head].length;
  return wrap(text, Math.max(20, width - indent)).map((line, i) => (i === 0 ? head : " ".repeat(indent)) + line);
}
