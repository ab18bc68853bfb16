/** Prints a table of results in one of its forms: as text for a terminal, as Markdown, LaTeX, CSV or JSON. */
import { Chalk } from "chalk";
import { printable, printableJson } from "../../../common/printable.js";
import { valueText } from "../../../compiler/stages/variants.js";
import type { TableCell } from "../../../runtime/run/result-table.js";
import { table as textTable } from "../table.js";
import { wrap } from "../wrap.js";
import { columnTexts, explanations, headText, marks, numberText, type PrintedTable } from "./cells.js";

export interface TableWidths {
  /** The width for the table itself, and the one for sentences. */
  readonly table: number;
  readonly text: number;
  readonly colorLevel: 0 | 1 | 2 | 3;
}

/** The forms of a table. The name of each but `text` is an option of `fslc runs table`. */
export const tableForms = {
  text: printText,
  markdown: printMarkdown,
  latex: printLatex,
  csv: printCsv,
  json: printJson,
} satisfies Readonly<Record<string, (table: PrintedTable, widths: TableWidths) => string>>;

export type TableForm = keyof typeof tableForms;

/** Returns the heads of each row and the texts of its cells. */
function rowsOf(table: PrintedTable, cellText: (cell: TableCell) => string): string[][] {
  return table.rowHeads.map((head, i) => [
    ...table.rows.map((name) => headText(name, head, table)),
    ...(table.cells[i] ?? []).map((cell) => (cell === undefined ? "–" : cellText(cell))),
  ]);
}

/** The best of a column has a star behind it and, where there is color, bold digits. */
function printText(table: PrintedTable, { table: width, text, colorLevel }: TableWidths): string {
  const rows = rowsOf(table, (cell) => `${numberText(cell)}${cell.best ? "*" : " "}${marks(cell, table)}`.trimEnd());
  const hasBest = table.cells.flat().some((cell) => cell?.best);
  const starred = hasBest ? rows.map((row) => row.map((cell, i) => alignStar(cell, i >= table.rows.length))) : rows;
  const head = [...table.rows, ...columnTexts(table).map((cell) => (hasBest ? `${cell} ` : cell))];
  const align = head.map((_, i) => (i < table.rows.length ? "left" : "right") as "left" | "right");
  const printed = textTable(head, starred, { align, width });
  const paint = new Chalk({ level: colorLevel });
  const bold = printed.replace(/\d+\.\d+(?: ± \d+\.\d+)?\*/g, (best) => paint.bold(best));
  const notes = [...explanations(table), ...(hasBest ? ["* The best of its column."] : [])];
  return `${bold}\n\n${notes.flatMap((note) => wrap(note, text)).join("\n")}\n`;
}

/** Returns a cell with room for a star, so that the digits of a column stand below one another. */
function alignStar(cell: string, isNumber: boolean): string {
  return !isNumber || cell.includes("*") || /[†)]$/.test(cell) ? cell : `${cell} `;
}

function printMarkdown(table: PrintedTable): string {
  const escaped = (text: string): string => printable(text).replaceAll("|", "\\|");
  const rows = rowsOf(table, (cell) => {
    const number = numberText(cell);
    return `${cell.best ? `**${number}**` : number}${marks(cell, table)}`;
  });
  const head = [...table.rows, ...columnTexts(table)];
  const rule = head.map((_, i) => (i < table.rows.length ? "---" : "--:"));
  const lines = [head, rule, ...rows].map((row) => `| ${row.map(escaped).join(" | ")} |`);
  return `${lines.join("\n")}\n\n${explanations(table).join("\n")}\n`;
}

function printLatex(table: PrintedTable): string {
  const head = [...table.rows, ...columnTexts(table)].map(latexText);
  const rows = table.rowHeads.map((labels, i) => [
    ...table.rows.map((name) => latexText(headText(name, labels, table))),
    ...(table.cells[i] ?? []).map((cell) => {
      if (cell === undefined) return "--";
      const number = numberText(cell, "\\pm");
      return `$${cell.best ? `\\mathbf{${number}}` : number}$${marks(cell, table, "$^\\dagger$")}`;
    }),
  ]);
  const columns = `${"l".repeat(table.rows.length)}${"r".repeat(head.length - table.rows.length)}`;
  const notes = explanations(table).map((note) => `% ${note}`);
  const line = (row: readonly string[]): string => `${row.join(" & ")} \\\\`;
  return `${[
    ...notes,
    `\\begin{tabular}{${columns}}`,
    "\\hline",
    line(head),
    "\\hline",
    ...rows.map(line),
    "\\hline",
    "\\end{tabular}",
  ].join("\n")}\n`;
}

function latexText(text: string): string {
  return printable(text)
    .replace(/[\\{}]/g, "")
    .replace(/[&%$#_]/g, "\\$&")
    .replaceAll("~", "\\textasciitilde{}")
    .replaceAll("^", "\\textasciicircum{}")
    .replaceAll("–", "--");
}

/** A line for each cell, because programs read that most easily. The numbers are fractions with all their digits. */
function printCsv(table: PrintedTable): string {
  const names = [...table.rows, ...table.cols];
  const lines = table.rowHeads.flatMap((row, i) =>
    table.colHeads.flatMap((col, j) => {
      const cell = table.cells[i]?.[j];
      if (cell === undefined) return [];
      const labels = names.map((name) => {
        const value = { ...row, ...col }[name];
        return value === undefined ? "" : valueText(value);
      });
      const numbers = [cell.mean, cell.ci95 ?? "", cell.values.length, cell.best, cell.transductive];
      return [[...labels, table.metric, ...numbers.map(String)]];
    }),
  );
  const head = [...names, "metric", "mean", "ci95", "n", "best", "transductive"];
  return `${[head, ...lines].map((line) => line.map(csvText).join(",")).join("\n")}\n`;
}

function csvText(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function printJson({ metric, rows, cols, over, interval, rowHeads, colHeads, cells }: PrintedTable): string {
  const listed = rowHeads.flatMap((row, i) =>
    colHeads.flatMap((col, j) => {
      const cell = cells[i]?.[j];
      if (cell === undefined) return [];
      const values = cell.values.map(({ labels, result }) => ({ labels, ...result }));
      return [{ row, col, ...cell, ci95: cell.ci95 ?? null, n: values.length, values }];
    }),
  );
  return `${printableJson({ metric, rows, cols, over, interval, cells: listed }, 2)}\n`;
}
