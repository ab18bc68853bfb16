/** What stays after a run: the results as a table, what failed and how to fix it, and where everything lies. */
import { relative } from "node:path";
import type { Span } from "../../../grammar/ast.js";
import { type RenderOptions, renderPlace } from "../../compiler/diagnostics/render.js";
import type { Result } from "../../runtime/events/events.js";
import type { RunSummary } from "../../runtime/run/run.js";
import { count, duration, engineAndDevice, interval, plural } from "../view/format.js";
import type { RunState } from "../view/model.js";
import { table } from "./table.js";
import { hanging, wrap } from "./wrap.js";

/** The table of results, mean ± half-width of the 95% interval; empty where a run has none. */
export function resultsTable(results: readonly Result[]): string {
  if (results.length === 0) return "";
  const rows = results.map((r) => [
    stageAndRow(r),
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

const stageAndRow = ({ stage, row }: Result): string => (row === undefined || row === "" ? stage : `${stage} (${row})`);

/** How a receipt is written: `source` gives the texts that failures are about. */
export interface SummaryStyle extends RenderOptions {
  readonly source: (file: string) => string | undefined;
}

/** Lines for people, below the table. `folder` is the run's. */
export function printRunSummary(summary: RunSummary, state: RunState, folder: string, style: SummaryStyle): string {
  const { width } = style;
  const cached = state.stages.filter((s) => s.status === "cached").length;
  const served = cached > 0 ? `, ${cached} of ${plural(state.stages.length, "stage")} from the store` : "";
  return [
    ...summary.failures.flatMap(({ stage, code, message, fix, at, span }) => [
      ...hanging("✘ ", `${stage}: ${message}`, width),
      ...placeLines(span, at, style),
      ...(fix === undefined ? [] : hanging("  help: ", fix, width)),
      `  more: fslc explain ${code}`,
      "",
    ]),
    ...resultNotes(summary.results, width),
    `${statusWords[summary.status](duration(summary.seconds))}${served}`,
    ...engineLines(state, width),
    `run folder: ${relative(process.cwd(), folder) || folder}`,
    ...summary.files.map((file) => `  ${relative(folder, file)}`),
  ].join("\n");
}

/** What computed the numbers, as far as there are any; and why that, where it was fslc's to choose. */
function engineLines({ stages, choice }: RunState, width: number): string[] {
  const finished = stages.filter(({ status }) => status === "done" || status === "cached");
  const names = new Set(finished.flatMap(({ numerics: n }) => (n === undefined ? [] : [engineAndDevice(n.engine, n)])));
  return [
    ...(names.size === 0 ? [] : hanging("computed by ", [...names].join(", "), width)),
    ...(choice?.why === undefined
      ? []
      : hanging("engine: ", `${engineAndDevice(choice.name, choice)}, ${choice.why}`, width)),
  ];
}

/** The lines of code that a failure is about, or where they stand. */
function placeLines(span: Span | undefined, at: string | undefined, style: SummaryStyle): string[] {
  const frame = span && renderPlace(span, style.source, { ...style, width: style.width - 2 });
  if (frame !== undefined) return frame.split("\n").map((line) => `  ${line}`.trimEnd());
  return at === undefined ? [] : [`  at ${at}`];
}

/** What the table alone would let a reader get wrong. */
export function resultNotes(results: readonly Result[], width: number): string[] {
  const kinds = new Set(results.map(({ transductive }) => transductive === true));
  const unscored = results.flatMap((r) => (r.unscored === undefined || r.metric !== "accuracy" ? [] : [r]));
  const notes = [
    ...unscored.map(
      (r) =>
        `${stageAndRow(r)}: ${plural(r.unscored ?? 0, "query", "queries")} of its ${plural(r.episodes, "episode")} ` +
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
