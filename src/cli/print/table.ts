/** Formats tables as text. */
import { printable } from "../../common/printable.js";
import { padText } from "../view/line.js";
import { hanging } from "./wrap.js";

export type Align = "left" | "right";

export interface TableStyle {
  /** The alignment of each column; the default is `left`. */
  readonly align?: readonly Align[];
  /** The number of spaces before each line. */
  readonly indent?: number;
  /** The columns of the terminal. */
  readonly width: number;
}

/**
 * Returns a table without a box: each column is as wide as its widest cell, and a rule stands under the head. If that is wider than the
 * terminal, which would break the lines anywhere, each row is a list of its cells instead. Cells are cleaned, because they may hold names
 * from data.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { align = [], indent = 0, width: room }: TableStyle,
): string {
  const cells = rows.map((row) => row.map(printable));
  const widths = head.map((h, i) => Math.max(length(h), ...cells.map((r) => length(r[i] ?? ""))));
  if (indent + widths.reduce((sum, width) => sum + width + 2, -2) > room) return listed(head, cells, indent, room);
  const line = (row: readonly string[]): string =>
    (
      " ".repeat(indent) +
      widths
        .map((width, i) => {
          const cell = row[i] ?? "";
          const space = " ".repeat(width - length(cell));
          return align[i] === "right" ? space + cell : cell + space;
        })
        .join("  ")
    ).trimEnd();
  return [line(head), line(widths.map((w) => "─".repeat(w))), ...cells.map(line)].join("\n");
}

/** Returns each row as lines of the form `head  cell`, without empty cells. */
function listed(head: readonly string[], rows: readonly (readonly string[])[], indent: number, width: number): string {
  const nameWidth = Math.max(...head.map(length));
  const lines = (row: readonly string[]): string[] =>
    row.flatMap((cell, i) =>
      cell === "" ? [] : hanging(`${" ".repeat(indent)}${padText(head[i] ?? "", nameWidth)}  `, cell, width),
    );
  return joinParts(rows.map((row) => lines(row).join("\n")));
}

function length(text: string): number {
  return [...text].length;
}

/** Joins the parts of an output with blank lines between them, and leaves out the empty ones. */
export function joinParts(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n\n");
}
