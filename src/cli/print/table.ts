/** Formats tables as text. */

export type Align = "left" | "right";

/**
 * Returns a table without a box: each column is as wide as its widest cell, and a rule stands under the head. Columns are
 * aligned to the left unless `align` says otherwise.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Align[] = [],
  indent = 0,
): string {
  const widths = head.map((h, i) => Math.max(length(h), ...rows.map((r) => length(r[i] ?? ""))));
  const line = (cells: readonly string[]): string =>
    (
      " ".repeat(indent) +
      widths
        .map((width, i) => {
          const cell = cells[i] ?? "";
          const space = " ".repeat(width - length(cell));
          return align[i] === "right" ? space + cell : cell + space;
        })
        .join("  ")
    ).trimEnd();
  return [line(head), line(widths.map((w) => "─".repeat(w))), ...rows.map(line)].join("\n");
}

function length(text: string): number {
  return [...text].length;
}

/** Joins the parts of an output with blank lines between them, and leaves out the empty ones. */
export function joinParts(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n\n");
}
