/** Writes figures as files: the SVG of each, and its numbers as CSV. */
import type { Figure, FigureData, Figures } from "./figures.js";
import { fileStyle } from "./style.js";

/** A file by its name in the folder of figures. */
export interface FigureFile {
  readonly name: string;
  readonly text: string;
}

/** Returns two files for each figure. Names have only letters, digits, `_` and `-`; figures that would share one get a number. */
export function figureFiles(figures: Figures): FigureFile[] {
  const used = new Set<string>();
  return Object.values(figures)
    .flatMap((group: readonly (Figure | readonly Figure[])[]) => group.flat())
    .flatMap(({ name, svg, data }) => {
      const base = freeName(name, used);
      used.add(base);
      return [
        { name: `${base}.svg`, text: standalone(svg.text) },
        { name: `${base}.csv`, text: csv(data) },
      ];
    });
}

function freeName(name: string, used: ReadonlySet<string>): string {
  const plain = name
    .replace(/[^A-Za-z0-9_]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 100);
  let free = plain;
  // File systems may treat upper and lower case alike, so the comparison does too.
  const isUsed = (): boolean => [...used].some((other) => other.toLowerCase() === free.toLowerCase());
  for (let number = 2; isUsed(); number++) free = `${plain}-${number}`;
  return free;
}

/** Returns an SVG that stands alone: with its namespace, its colors and a white background. */
function standalone(svg: string): string {
  const end = svg.indexOf(">") + 1;
  const opening = svg.slice(0, end).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ');
  return `${opening}<style>${fileStyle}</style><rect width="100%" height="100%" fill="#fff"/>${svg.slice(end)}\n`;
}

/** Returns the numbers as RFC 4180 has them. Fractions stay fractions. */
function csv({ columns, rows }: FigureData): string {
  const field = (value: string | number): string => {
    const text = typeof value === "number" && !Number.isFinite(value) ? "" : `${value}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}
