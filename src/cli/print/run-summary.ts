/** Formats the summary after a run: the table of results, the failures and their fixes, and the paths of the files. */
import { relative } from "node:path";
import type { Span } from "../../../grammar/ast.js";
import { printable } from "../../common/printable.js";
import { type RenderOptions, renderPlace } from "../../compiler/diagnostics/render.js";
import type { Result } from "../../runtime/events/events.js";
import type { RunSummary } from "../../runtime/run/run.js";
import { count, duration, engineAndDevice, interval, plural } from "../view/format.js";
import type { RunState } from "../view/model.js";
import { leftByStop } from "../view/unfinished.js";
import { fileLines } from "./files.js";
import { table } from "./table.js";
import { hanging, wrap } from "./wrap.js";

/** Returns the table of results, with each mean and the half-width of its 95% interval, or an empty text if there are none. */
export function resultsTable(results: readonly Result[], width: number): string {
  if (results.length === 0) return "";
  const rows = results.map((r) => [
    stageAndRow(r),
    [
      r.metric,
      ...(r.sampled ? ["sampled"] : []),
      ...(r.transductive ? ["transductive"] : []),
      ...(r.assumes ?? []).map((a) => `assumes ${a}`),
    ].join(", "),
    interval(r.mean, r.ci95),
    count(r.episodes),
  ]);
  return table(["stage", "metric", "mean ± 95% interval", "episodes"], rows, {
    align: ["left", "left", "right", "right"],
    width,
  });
}

const statusWords = {
  done: (time: string) => `done in ${time}`,
  failed: (time: string) => `failed after ${time}`,
  interrupted: (time: string, lost: string | undefined) =>
    `interrupted after ${time}; finished stages are kept${lost === undefined ? "" : `; ${lost}`}`,
} as const;

const stageAndRow = ({ stage, row }: Result): string => (row === undefined || row === "" ? stage : `${stage} (${row})`);

/** Options of a printed summary. `source` gives the text of a file that a failure points into. */
export interface SummaryStyle extends RenderOptions {
  readonly source: (file: string) => string | undefined;
}

/** Returns the lines below the table of results. `folder` is the folder of the run. */
export function printRunSummary(summary: RunSummary, state: RunState, folder: string, style: SummaryStyle): string {
  const { width } = style;
  const cached = state.stages.filter((s) => s.status === "cached").length;
  const served = cached > 0 ? `, ${cached} of ${plural(state.stages.length, "stage")} from the store` : "";
  return [
    ...summary.failures.flatMap(({ stage, code, message, fix, at, span }) => [
      ...hanging("✘ ", printable(`${stage}: ${message}`), width),
      ...placeLines(span, at, style),
      ...(fix === undefined ? [] : hanging("  help: ", fix, width)),
      `  more: fslc explain ${code}`,
      "",
    ]),
    ...warningLines(state, width),
    ...resultNotes(summary.results, width),
    ...wrap(`${statusWords[summary.status](duration(summary.seconds), leftByStop(state))}${served}`, width),
    ...engineLines(state, width),
    `run folder: ${printable(relative(process.cwd(), folder) || folder)}`,
    ...fileLines(summary.files, folder).map(printable),
  ].join("\n");
}

/** Names the engines that computed the results, and gives the reason if fslc chose the engine. */
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

/** Returns the lines of code that a failure points at, or their place if the text is not available. */
function placeLines(span: Span | undefined, at: string | undefined, style: SummaryStyle): string[] {
  const frame = span && renderPlace(span, style.source, { ...style, width: style.width - 2 });
  if (frame !== undefined) return frame.split("\n").map((line) => `  ${line}`.trimEnd());
  return at === undefined ? [] : [`  at ${printable(at)}`];
}

/** Returns the warnings of a run about its data, each with its code. */
export function warningLines({ stages }: RunState, width: number): string[] {
  return stages.flatMap(({ outline, warnings }) =>
    warnings.flatMap(({ code, message }) => [
      ...hanging("! ", printable(`${outline.id}: ${message}`), width),
      `  more: fslc explain ${code}`,
      "",
    ]),
  );
}

/** Returns notes on results that a reader of the table alone could misunderstand. */
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
      ? ["Transductive methods see all queries of an episode together. Do not rank them with the other methods."]
      : []),
    ...(results.some(({ metric }) => metric === "accuracy_disjoint")
      ? [
          "The interval of `accuracy` is about the images of this split, because its episodes share images. The interval " +
            "of `accuracy_disjoint` is about new images of these classes, because its episodes share no image.",
        ]
      : []),
  ];
  return notes.flatMap((note) => [...wrap(note, width), ""]);
}
