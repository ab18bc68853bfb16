/** Text tables: columns padded to their widest cell, a rule under the head, no box around. */

export type Align = "left" | "right";

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
