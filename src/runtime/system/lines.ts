/** Reads a file of lines that another process still writes. */
import { closeSync, openSync, readSync } from "node:fs";

/** Returns the whole lines of a file from a position on, and the position behind them. A file that is not there has none. */
export function linesFrom(path: string, position: number): { readonly lines: string[]; readonly end: number } {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return { lines: [], end: position };
  }
  try {
    const pieces: Buffer[] = [];
    let at = position;
    for (;;) {
      const piece = Buffer.alloc(2 ** 16);
      const read = readSync(file, piece, 0, piece.length, at);
      if (read === 0) break;
      pieces.push(piece.subarray(0, read));
      at += read;
    }
    const bytes = Buffer.concat(pieces);
    const length = bytes.lastIndexOf("\n") + 1;
    const lines = length === 0 ? [] : bytes.toString("utf8", 0, length - 1).split("\n");
    return { lines, end: position + length };
  } finally {
    closeSync(file);
  }
}
