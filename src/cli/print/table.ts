/** Formats tables as text. */
import { printable } from "../../common/printable.js";

export type Align = "left" | "right";

/**
 * Returns a table without a box: each column is as wide as its widest cell, and a rule stands under the head. Columns are
 * aligned to the left unless `align` says otherwise. Cells are cleaned, because they may hold names from data.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Align[] = [],
  indent = 0,
): string {
  const cells = rows.map((row) => row.map(printable));
  const widths = head.map((h, i) => Math.max(length(h), ...cells.map((r) => length(r[i] ?? ""))));
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

function length(text: string): number {
  return [...text].length;
}

/** Joins the parts of an output with blank lines between them, and leaves out the empty ones. */
export function joinParts(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n\n");
}
