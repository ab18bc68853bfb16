/** Implements `fslc runs table`: it prints the results of a run as one table. */
import { listed, suggestNearest } from "../../common/did-you-mean.js";
import type { LabelledResult } from "../../runtime/run/labelled-results.js";
import type { TableRequest } from "../../runtime/run/result-table.js";
import type { RunRecord } from "../../runtime/run/runs.js";
import type { Cli, Command } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ProjectOptions, projectOf } from "../options.js";
import type { TableForm } from "../print/result-table/forms.js";
import { say } from "../say.js";
import { colorLevel, tableWidth, textWidth } from "../terminal.js";
import { UsageError } from "../usage-error.js";

export interface TableOptions extends ProjectOptions {
  readonly rows?: string;
  readonly cols?: string;
  readonly over?: string;
  readonly metric?: string;
  readonly csv?: boolean;
  readonly latex?: boolean;
  readonly markdown?: boolean;
  readonly json?: boolean;
}

export function withTableOptions(command: Command): Command {
  return command
    .option("--rows <labels>", "what stands in different rows, such as `method` or `stage,method`")
    .option("--cols <labels>", "what stands in different columns, such as `shots`")
    .option("--over <labels>", "what the mean is taken over (default: seed)")
    .option("--metric <name>", "the metric (default: accuracy)")
    .option("--csv", "print CSV, a line for each cell")
    .option("--latex", "print a LaTeX tabular")
    .option("--markdown", "print a Markdown table");
}

export async function table(cli: Cli, asked: string, options: TableOptions): Promise<number> {
  const { findRun } = await import("../../runtime/run/runs.js");
  const form = formOf(options);
  const run = findRun(await projectOf(options), asked);
  const printed = await printResultTable(cli, run, requestOf(options), form);
  if (printed === undefined) throw new UsageError(`the run ${run.id} has no results`);
  say(cli.stdout, printed);
  return exitCodes.done;
}

/** Returns the printed table of a run's results, or undefined if it has none. @throws UsageError if it does not have what is asked for. */
export async function printResultTable(
  cli: Cli,
  run: RunRecord,
  request: TableRequest,
  form: TableForm,
): Promise<string | undefined> {
  const { labelledResults } = await import("../../runtime/run/labelled-results.js");
  const { metricsOf, resultTable } = await import("../../runtime/run/result-table.js");
  const { tableForms } = await import("../print/result-table/forms.js");
  const results = labelledResults(run);
  const metrics = metricsOf(results);
  const [first] = metrics;
  if (first === undefined) return undefined;
  const { metric = metrics.includes("accuracy") ? "accuracy" : first } = request;
  requireKnown("metric", [metric], metrics);
  await requireLabels(results, request);
  const params = [...(run.start.sweep?.params ?? [])];
  const units = Object.fromEntries(params.flatMap(({ name, unit }) => (unit === undefined ? [] : [[name, unit]])));
  const widths = {
    table: tableWidth(cli.stdout),
    text: textWidth(cli.stdout, cli.env),
    colorLevel: colorLevel(cli.stdout, cli.env),
  };
  return tableForms[form]({ ...resultTable(results, { ...request, metric }), units }, widths);
}

/** Refuses labels that no result has, and those that are named twice. */
async function requireLabels(results: readonly LabelledResult[], request: TableRequest): Promise<void> {
  const { labelNames } = await import("../../runtime/run/result-table.js");
  const names = [...(request.rows ?? []), ...(request.cols ?? []), ...(request.over ?? [])];
  requireKnown("label", names, labelNames(results));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new UsageError(`the label \`${twice}\` is named twice. Leave one of them out`);
}

function requireKnown(kind: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const [near = `it has ${listed(known)}`] = suggestNearest(unknown, known);
  throw new UsageError(`the results of this run have no ${kind} \`${unknown}\`; ${near}`);
}

function requestOf({ rows, cols, over, metric }: TableOptions): TableRequest {
  const split = (text: string): string[] => text.split(",").map((name) => name.trim());
  return {
    ...(rows === undefined ? {} : { rows: split(rows) }),
    ...(cols === undefined ? {} : { cols: split(cols) }),
    ...(over === undefined ? {} : { over: split(over) }),
    ...(metric === undefined ? {} : { metric }),
  };
}

/** @throws UsageError if several forms are asked for. */
function formOf(options: TableOptions): TableForm {
  const forms = (["csv", "latex", "markdown", "json"] as const).filter((form) => options[form]);
  if (forms.length > 1) {
    throw new UsageError(`${forms.map((form) => `\`--${form}\``).join(" and ")} are both given. Leave one of them out`);
  }
  return forms[0] ?? "text";
}
