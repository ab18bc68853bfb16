/** What stays after a run: the results as a table, what failed and how to fix it, and where everything lies. */
import { relative } from "node:path";
import type { Span } from "../../../grammar/ast.js";
import { type RenderOptions, renderPlace } from "../../compiler/diagnostics/render.js";
import type { Result } from "../../runtime/events/events.js";
import type { RunSummary } from "../../runtime/run/run.js";
import { table } from "../print/table.js";
import { hanging, wrap } from "../print/wrap.js";
import { computer, count, duration, interval, plural } from "../view/format.js";
import type { RunState } from "../view/model.js";

/** The table of results, mean ± half-width of the 95% interval; empty where a run has none. */
export function resultsTable(results: readonly Result[]): string {
  if (results.length === 0) return "";
  const rows = results.map((r) => [
    labelled(r),
    [r.metric, ...(r.transductive ? ["transductive"] : []), ...(r.assumes ?? []).map((a) => `assumes ${a}`)].join(", "),
    interval(r.mean, r.ci95),
    count(r.episodes),
  ]);
  return table(["stage", "metric", "mean ± 95% interval", "episodes"], rows, ["left", "left", "right", "right"]);
}

const statusWords = {
  done: (time: string) => `done in ${time}`,
  failed: (time: string) => `failed after ${time}`,
  interrupted: (time: string) => `interrupted after ${time}; finished stages are kept`,
} as const;

const labelled = ({ stage, row }: Result): string => (row === undefined || row === "" ? stage : `${stage} (${row})`);

/** How a receipt is written: `source` gives the texts that failures are about. */
export interface ReceiptStyle extends RenderOptions {
  readonly source: (file: string) => string | undefined;
}

/** Lines for people, below the table. `folder` is the run's. */
export function receipt(summary: RunSummary, state: RunState, folder: string, style: ReceiptStyle): string {
  const { width } = style;
  const cached = state.stages.filter((s) => s.status === "cached").length;
  const served = cached > 0 ? `, ${cached} of ${plural(state.stages.length, "stage")} from the store` : "";
  return [
    ...summary.failures.flatMap(({ stage, code, message, fix, at, span }) => [
      ...hanging("✘ ", `${stage}: ${message}`, width),
      ...place(span, at, style),
      ...(fix === undefined ? [] : hanging("  help: ", fix, width)),
      `  more: fslc explain ${code}`,
      "",
    ]),
    ...notes(summary.results, width),
    `${statusWords[summary.status](duration(summary.seconds))}${served}`,
    ...engines(state, width),
    `run folder: ${relative(process.cwd(), folder) || folder}`,
    ...summary.files.map((file) => `  ${relative(folder, file)}`),
  ].join("\n");
}

/** What computed the numbers, as far as there are any; and why that, where it was fslc's to choose. */
function engines({ stages, choice }: RunState, width: number): string[] {
  const finished = stages.filter(({ status }) => status === "done" || status === "cached");
  const names = new Set(finished.flatMap(({ numerics: n }) => (n === undefined ? [] : [computer(n.engine, n)])));
  return [
    ...(names.size === 0 ? [] : hanging("computed by ", [...names].join(", "), width)),
    ...(choice?.why === undefined ? [] : hanging("engine: ", `${computer(choice.name, choice)}, ${choice.why}`, width)),
  ];
}

/** The lines of code that a failure is about, or where they stand. */
function place(span: Span | undefined, at: string | undefined, style: ReceiptStyle): string[] {
  const frame = span && renderPlace(span, style.source, { ...style, width: style.width - 2 });
  if (frame !== undefined) return frame.split("\n").map((line) => `  ${line}`.trimEnd());
  return at === undefined ? [] : [`  at ${at}`];
}

/** What the table alone would let a reader get wrong. */
export function notes(results: readonly Result[], width: number): string[] {
  const kinds = new Set(results.map(({ transductive }) => transductive === true));
  const unscored = results.flatMap((r) => (r.unscored === undefined || r.metric !== "accuracy" ? [] : [r]));
  const notes = [
    ...unscored.map(
      (r) =>
        `${labelled(r)}: ${plural(r.unscored ?? 0, "query", "queries")} of its ${plural(r.episodes, "episode")} ` +
        "got scores that are not numbers; each counts as wrong.",
    ),
    ...(kinds.size > 1
      ? ["Transductive methods see all queries of an episode together: do not rank them with the others."]
      : []),
    ...(results.some(({ metric }) => metric === "accuracy_disjoint")
      ? [
          "The interval of `accuracy` is about the images of this split, which its episodes share; that of " +
            "`accuracy_disjoint`, over episodes that share none, is about new images of such classes.",
        ]
      : []),
  ];
  return notes.flatMap((note) => [...wrap(note, width), ""]);
}
