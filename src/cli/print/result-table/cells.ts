/** The texts that every form of a table of results shares: its heads, the numbers of its cells, and the sentence about its intervals. */
import { valueText } from "../../../compiler/stages/variants.js";
import { countText } from "../../../compiler/typed/describe.js";
import type { Labels } from "../../../runtime/run/labelled-results.js";
import type { ResultTable, TableCell } from "../../../runtime/run/result-table.js";
import { count, percent } from "../../view/format.js";

/** A table to print, with the units of its parameters. */
export interface PrintedTable extends ResultTable {
  readonly units: Readonly<Record<string, string>>;
}

/** Returns a value of a label with its unit: `1 shot`. A label that a result does not have is a dash. */
export function headText(name: string, head: Labels, { units }: PrintedTable): string {
  const value = head[name];
  if (value === undefined) return "–";
  const unit = units[name];
  return unit === undefined ? valueText(value) : countText(valueText(value), unit);
}

/** Returns the head of each column. A value says little without its name, so the name of the parameter stands before a number. */
export function columnTexts(table: PrintedTable): string[] {
  const { cols, colHeads, metric } = table;
  if (cols.length === 0) return [metric];
  return colHeads.map((head) =>
    cols
      .map((name) => {
        const text = headText(name, head, table);
        return typeof head[name] === "string" || table.units[name] !== undefined ? text : `${name} ${text}`;
      })
      .join(", "),
  );
}

/** Returns the mean of a cell in percent, with its interval if it has one: `78.31 ± 0.52`. */
export function numberText({ mean, ci95 }: TableCell, plusMinus = "±"): string {
  return ci95 === undefined ? percent(mean) : `${percent(mean)} ${plusMinus} ${percent(ci95)}`;
}

/** Returns the number of values in the fullest cells. */
export function fullCells({ cells }: ResultTable): number {
  return Math.max(0, ...cells.flat().map((cell) => cell?.values.length ?? 0));
}

/** Returns the sentences that say what the numbers are. */
export function explanations(table: PrintedTable): string[] {
  const { metric, over, interval, cells } = table;
  const full = fullCells(table);
  const shown = cells.flat().filter((cell) => cell !== undefined);
  const what =
    interval === "over"
      ? `${metric} in %: the mean over ${overText(over, full)} ± the half-width of its 95% t-interval over ${overText(over)}`
      : `${metric} in % ± the half-width of its 95% interval over episodes`;
  const fewer = shown.some(({ values }) => values.length < full);
  return [
    `${what}.`,
    ...(fewer ? [`A number in parentheses is that of the ${overText(over)}, where there are fewer than ${full}.`] : []),
    ...(shown.some(({ transductive }) => transductive)
      ? ["† Transductive: it sees all queries of an episode together, and is ranked only with others that do."]
      : []),
  ];
}

function overText(over: readonly string[], number?: number): string {
  const words = over.length === 1 && over[0] === "seed" ? "seeds" : `values of ${over.join(", ")}`;
  return number === undefined ? words : `${count(number)} ${words}`;
}

/** Returns the notes behind the number of a cell: the number of values if others have more, and a dagger for a transductive method. */
export function marks(cell: TableCell, table: ResultTable, dagger = "†"): string {
  const fewer = cell.values.length < fullCells(table) ? ` (${cell.values.length})` : "";
  return `${cell.transductive ? dagger : ""}${fewer}`;
}
