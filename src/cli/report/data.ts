/** Reads a run folder into the data of its report. Sections and figures are made of these data alone. */
import type { Numerics } from "../../runtime/engines/engine.js";
import type { Result, RunParam, StageOutline } from "../../runtime/events/events.js";
import { copiedText, dataOf, optionsOf } from "../../runtime/run/diff.js";
import { type LabelledResult, labelledResults } from "../../runtime/run/labelled-results.js";
import { metricsOf, resultTable } from "../../runtime/run/result-table.js";
import {
  type DamagedEvaluation,
  type Evaluation,
  endsOfStages,
  evaluationsOf,
  eventsOf,
  historiesOf,
  numericsOfStages,
  type RunRecord,
  type TrainingHistory,
} from "../../runtime/run/runs.js";
import type { PrintedTable } from "../print/result-table/cells.js";
import { type CurvePoint, curvesOf } from "./curves.js";
import { repeatCommand } from "./repeat.js";

export interface ReportData {
  readonly run: string;
  readonly file: string;
  /** When the run started, in milliseconds since the epoch. */
  readonly started: number;
  readonly status: "done" | "failed" | "interrupted" | "unfinished";
  readonly seconds: number | undefined;
  readonly version: string;
  readonly seeds: readonly number[];
  readonly params: readonly RunParam[];
  /** The options that were given, by their names on the command line. */
  readonly options: readonly (readonly [name: string, value: string])[];
  /** The texts of the experiment. A text is undefined if its copy is missing or not as it was written. */
  readonly sources: readonly { readonly id: string; readonly sha256: string; readonly text: string | undefined }[];
  readonly stages: readonly ReportStage[];
  readonly trainings: readonly ReportTraining[];
  readonly results: readonly ReportResult[];
  /** The table of each metric over the variants of a sweep; empty for a run of one variant. */
  readonly sweep: readonly PrintedTable[];
  readonly perClass: readonly Counts<"per_class">[];
  readonly confusions: readonly Counts<"confusion">[];
  readonly damaged: readonly Pick<DamagedEvaluation, "stage" | "problem">[];
  readonly data: readonly (readonly [dataset: string, digest: string])[];
  /** The place where the run computed: Node.js and the operating system. */
  readonly system: readonly (readonly [name: string, value: string])[];
  /** The command line that runs the same again, or undefined if there is none that can be shown. */
  readonly repeat: string | undefined;
}

export interface ReportStage {
  readonly outline: StageOutline;
  readonly outcome: "run" | "stored" | "failed" | "unfinished";
  readonly seconds: number | undefined;
  readonly key: string | undefined;
  readonly numerics: Numerics | undefined;
  /** The code and the message of a failure. */
  readonly failure: { readonly code: string; readonly message: string } | undefined;
  /** The warnings about its data. */
  readonly warnings: readonly string[];
}

export interface ReportTraining extends TrainingHistory {
  /** Its loss, accuracy and rate; empty if the store served it, because then it made no steps in this run. */
  readonly curve: readonly CurvePoint[];
}

/** A result with the task and the split of its row, where the run recorded them. Results of one protocol can be ranked. */
export interface ReportResult extends Result {
  readonly protocol: string | undefined;
}

/** The counts of an evaluation of one kind, with the stage that counted. */
export type Counts<K extends "per_class" | "confusion"> = { readonly stage: string } & Extract<
  Evaluation["manifest"]["reports"][number],
  { kind: K }
>;

export function readReport(run: RunRecord): ReportData {
  const { id, start, done } = run;
  const { evaluations, damaged } = evaluationsOf(run);
  const labelled = labelledResults(run);
  const curves = curvesOf(eventsOf(run, ["stage.step"]));
  return {
    run: id,
    file: start.file,
    started: start.time,
    status: done?.status ?? "unfinished",
    seconds: done?.seconds,
    version: start.version,
    seeds: start.sweep?.seeds ?? [start.seed],
    params: start.inputs?.params ?? [],
    options: optionsOf(run),
    sources: (start.inputs?.sources ?? [])
      .filter(({ copy }) => copy !== undefined)
      .map((source) => ({ id: source.id, sha256: source.sha256, text: copiedText(run, source) })),
    stages: readStages(run),
    trainings: historiesOf(run).map((training) => ({ ...training, curve: curves.get(training.stage) ?? [] })),
    // Variants that share a stage share its results.
    results: [...new Map(labelled.map(({ result, protocol }) => [result, { ...result, protocol }])).values()],
    sweep: sweepTables(run, labelled),
    perClass: evaluations.flatMap(({ stage, manifest }) =>
      manifest.reports.flatMap((report) => (report.kind === "per_class" ? [{ stage, ...report }] : [])),
    ),
    confusions: evaluations.flatMap(({ stage, manifest }) =>
      manifest.reports.flatMap((report) => (report.kind === "confusion" ? [{ stage, ...report }] : [])),
    ),
    damaged: damaged.map(({ stage, problem }) => ({ stage, problem })),
    data: dataOf(run),
    system: Object.entries(start.inputs?.system ?? {}),
    repeat: repeatCommand(start),
  };
}

/** Returns every stage of the run, in the order of its graph. */
function readStages(run: RunRecord): ReportStage[] {
  const numerics = numericsOfStages(run);
  const ends = new Map(endsOfStages(run).map((end) => [end.stage, end]));
  const notes = eventsOf(run, ["stage.note"]).filter(({ code }) => code !== undefined);
  return run.start.stages.map((outline) => {
    const end = ends.get(outline.id);
    const outcomes = { "stage.done": "run", "stage.cached": "stored", "stage.failed": "failed" } as const;
    const known = Object.entries(outcomes).find(([type]) => type === end?.type)?.[1];
    return {
      outline,
      outcome: known ?? "unfinished",
      seconds: end?.type === "stage.done" ? end.seconds : undefined,
      key: end !== undefined && "key" in end ? end.key : undefined,
      numerics: numerics.get(outline.id),
      failure: end?.type === "stage.failed" ? { code: end.code, message: end.message } : undefined,
      warnings: [...new Set(notes.filter(({ stage }) => stage === outline.id).map(({ message }) => message))],
    };
  });
}

/** Returns the results of a sweep as `fslc runs table` arranges them, a table for each metric. */
function sweepTables({ start: { sweep } }: RunRecord, results: readonly LabelledResult[]): PrintedTable[] {
  if (sweep === undefined) return [];
  const units = Object.fromEntries(
    sweep.params.flatMap(({ name, unit }) => (unit === undefined ? [] : [[name, unit] as const])),
  );
  return metricsOf(results).map((metric) => ({ ...resultTable(results, { metric }), units }));
}
