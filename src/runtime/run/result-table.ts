/** Arranges the results of a run in one table: a mean over seeds for each row and column, with its interval. */
import { own } from "../../common/own.js";
import { estimate } from "../../common/statistics.js";
import { seedAxis } from "../../compiler/typed/sweep.js";
import type { Result } from "../events/events.js";
import { type LabelledResult, type Labels, rowLabel, stageLabel } from "./labelled-results.js";

/** The way in which a table is arranged, as far as the user says it. */
export interface TableRequest {
  /** The labels by which results stand in different rows, and those for columns. */
  readonly rows?: readonly string[];
  readonly cols?: readonly string[];
  /** The labels over which the mean is taken. The default is the seed. */
  readonly over?: readonly string[];
  /** The metric; the default is `accuracy`. */
  readonly metric?: string;
}

export interface TableCell {
  readonly mean: number;
  /** The half-width of the interval. It is undefined for a single value if other cells are means of several. */
  readonly ci95: number | undefined;
  /** The results that the mean is taken of. */
  readonly values: readonly { readonly labels: Labels; readonly result: Result }[];
  /** True for the highest mean of the column among the results that can be ranked with it. */
  readonly best: boolean;
  readonly transductive: boolean;
}

export interface ResultTable {
  readonly metric: string;
  /** The names of the labels in the head of each row and of each column, and those that the mean is taken over. */
  readonly rows: readonly string[];
  readonly cols: readonly string[];
  readonly over: readonly string[];
  /** The labels of each row and of each column. */
  readonly rowHeads: readonly Labels[];
  readonly colHeads: readonly Labels[];
  /** The cells by row and column; undefined where the run has no result. */
  readonly cells: readonly (readonly (TableCell | undefined)[])[];
  /** The kind of the intervals: over the values of `over`, or over episodes if there is one value in each cell. */
  readonly interval: "over" | "episodes";
}

/** Returns the names of the labels that results have, in the order in which a table shows them. */
export function labelNames(results: readonly LabelledResult[]): string[] {
  const names = new Set(results.flatMap(({ labels }) => Object.keys(labels)));
  const params = [...names].filter((name) => name !== stageLabel && name !== rowLabel && name !== seedAxis);
  return [stageLabel, ...params, rowLabel, seedAxis].filter((name) => names.has(name));
}

/** Returns the metrics of results, in the order of the results. */
export function metricsOf(results: readonly LabelledResult[]): string[] {
  return [...new Set(results.map(({ result }) => result.metric))];
}

/**
 * Arranges results. Labels that vary and that the request does not name stand in the columns if they change the protocol, and otherwise in
 * the rows. So no results are averaged that the request does not name, and a column compares what can be ranked.
 */
export function resultTable(all: readonly LabelledResult[], request: TableRequest = {}): ResultTable {
  const { metric = "accuracy" } = request;
  const results = all.filter(({ result }) => result.metric === metric);
  const named = new Set([...(request.rows ?? []), ...(request.cols ?? [])]);
  const over = (request.over ?? [seedAxis]).filter((name) => !named.has(name));
  const free = labelNames(results).filter((name) => !named.has(name) && !over.includes(name) && varies(name, results));
  const inColumns = free.filter((name) => changesProtocol(name, results));
  const asked = [...(request.rows ?? []), ...free.filter((name) => !inColumns.includes(name))];
  const rows = asked.length === 0 ? [stageLabel] : asked;
  const cols = [...(request.cols ?? []), ...inColumns];
  const rowHeads = headsOf(rows, results);
  const colHeads = headsOf(cols, results);
  const groups = groupBy(results, ({ labels }) => keyOf(labels, rows, cols));
  const largest = Math.max(0, ...[...groups.values()].map((group) => group.length));
  const cells = rowHeads.map((row) =>
    colHeads.map((col) => {
      const group = groups.get(keyOf({ ...row, ...col }, rows, cols));
      return group && { ...meanOf(group, largest > 1), rank: rankOf(group) };
    }),
  );
  return {
    metric,
    rows,
    cols,
    over,
    rowHeads,
    colHeads,
    cells: cells.map((row) =>
      row.map((cell, col) => {
        if (cell === undefined) return undefined;
        const { rank, ...rest } = cell;
        const rivals = cells.flatMap((other) => (other[col]?.rank === rank ? [other[col].mean] : []));
        return { ...rest, best: rivals.length > 1 && rest.mean === Math.max(...rivals) };
      }),
    ),
    interval: largest > 1 ? "over" : "episodes",
  };
}

function varies(name: string, results: readonly LabelledResult[]): boolean {
  return new Set(results.map(({ labels }) => JSON.stringify(own(labels, name)))).size > 1;
}

/** Returns whether two results that differ in this label alone have different protocols. Rows of older runs, which recorded none, do. */
function changesProtocol(name: string, results: readonly LabelledResult[]): boolean {
  if (name === rowLabel && results.every(({ protocol }) => protocol === undefined)) return true;
  const others = groupBy(results, ({ labels: { [name]: _, ...rest } }) => JSON.stringify(rest));
  return [...others.values()].some((group) => new Set(group.map(({ protocol }) => protocol)).size > 1);
}

/** Returns the labels of each row or column, in the order of the results. */
function headsOf(names: readonly string[], results: readonly LabelledResult[]): Labels[] {
  const heads = new Map<string, Labels>();
  for (const { labels } of results) {
    const head = Object.fromEntries(
      names.flatMap((name) => {
        const value = own(labels, name);
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
    heads.set(JSON.stringify(head), heads.get(JSON.stringify(head)) ?? head);
  }
  return [...heads.values()];
}

function keyOf(labels: Labels, rows: readonly string[], cols: readonly string[]): string {
  return JSON.stringify([rows, cols].map((names) => names.map((name) => own(labels, name) ?? null)));
}

function groupBy(results: readonly LabelledResult[], key: (result: LabelledResult) => string) {
  const groups = new Map<string, LabelledResult[]>();
  for (const result of results) {
    const group = groups.get(key(result));
    if (group === undefined) groups.set(key(result), [result]);
    else group.push(result);
  }
  return groups;
}

function meanOf(group: readonly LabelledResult[], ofSeveral: boolean): Omit<TableCell, "best"> {
  const [first] = group;
  const values = group.map(({ labels, result }) => ({ labels, result }));
  const { mean, ci95 } = estimate(group.map(({ result }) => result.mean));
  const interval = group.length > 1 || ofSeveral ? ci95 : (first?.result.ci95 ?? Number.NaN);
  return {
    mean,
    ci95: Number.isFinite(interval) ? interval : undefined,
    values,
    transductive: group.some(({ result }) => result.transductive === true),
  };
}

/** Returns a text that two cells share if their means can be ranked: they have the same protocol, and both or neither are transductive. */
function rankOf(group: readonly LabelledResult[]): string {
  const protocols = new Set(group.map(({ protocol }) => protocol));
  return JSON.stringify([[...protocols].sort(), group.some(({ result }) => result.transductive === true)]);
}
