/** Finds lines and columns in a text, and measures text in columns of a terminal. */
import { printable } from "../../common/printable.js";

export class SourceLines {
  private readonly starts: number[] = [0];
  constructor(readonly text: string) {
    for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) this.starts.push(i + 1);
  }

  /** Returns the line and column of an offset. Both count from 1, columns in UTF-16 units. An offset past the end counts as the end. */
  position(offset: number): { readonly line: number; readonly column: number } {
    const at = Math.min(Math.max(offset, 0), this.text.length);
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - (this.starts[low] ?? 0) + 1 };
  }

  /** Returns a line, counted from 1, without its line end. */
  line(line: number): string {
    const start = this.starts[line - 1] ?? this.text.length;
    return this.text.slice(start, this.starts[line] ?? this.text.length).replace(/\r?\n$/, "");
  }
}

/** Counts the terminal columns of a text. East Asian wide characters and emoji take two, combining characters none. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of printable(text)) {
    if (/\p{M}/u.test(character)) continue;
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return columns;
}

/** Cuts a text to at most `width` columns, so that the range [from, to) stays visible if it fits. `cut` is the number of columns left out at the start. */
export function clip(text: string, width: number, from: number, to: number): { text: string; cut: number } {
  if (columnsOf(text) <= width) return { text, cut: 0 };
  const wanted = Math.min(to, from + width);
  const start = wanted <= width - 1 ? 0 : Math.max(0, Math.min(from - 8, wanted - width + 2));
  let at = 0;
  let shown = "";
  for (const character of text) {
    const size = columnsOf(character);
    if (at >= start + (start > 0 ? 1 : 0) && at + size <= start + width - 1) shown += character;
    at += size;
  }
  return { text: `${start > 0 ? "…" : ""}${shown}…`, cut: start };
}
