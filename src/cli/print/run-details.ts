/** Formats one run in full for `fslc runs show`. */
import type { Numerics } from "../../runtime/engines/engine.js";
import type { StageOutline } from "../../runtime/events/events.js";
import type { DamagedEvaluation, Evaluation, endsOfStages, RunRecord } from "../../runtime/run/runs.js";
import { duration, engineAndDevice } from "../view/format.js";
import { fileLines } from "./files.js";
import { printReports } from "./reports.js";
import { resultsTable } from "./run-summary.js";
import { printPaths, printRunHeading } from "./runs.js";
import { joinParts, table } from "./table.js";

/** Prints how a stage of a run ended, which engine computed it, and where its weights are. */
export type StageDetails = ReturnType<typeof endsOfStages>[number] & {
  readonly kind: StageOutline["kind"] | undefined;
  readonly numerics: Numerics | undefined;
  /** The paths of its weights; empty for a stage that trains nothing. */
  readonly weights: readonly string[];
};

export interface RunDetails {
  readonly run: RunRecord;
  readonly stages: readonly StageDetails[];
  readonly evaluations: readonly Evaluation[];
  readonly damaged: readonly DamagedEvaluation[];
  /** The paths of the files that stages reported. */
  readonly files: readonly string[];
}

export function printRunDetails({ run, stages, evaluations, damaged, files }: RunDetails, width: number): string {
  const reports = evaluations.flatMap(({ stage, manifest }) =>
    manifest.reports.map((report) => ({ stage, ...report })),
  );
  const weights = stages.flatMap(({ stage, weights: paths }) => paths.map((path) => [stage, path] as const));
  return joinParts([
    printRunHeading(run),
    table(["stage", "kind", "took", "computed by"], stages.map(stageRow), {
      align: ["left", "left", "right", "left"],
      width,
    }),
    resultsTable(run.done?.results ?? stages.flatMap((stage) => ("results" in stage ? stage.results : [])), width),
    damaged.map(({ stage, problem }) => `! ${stage}: its files in this run are damaged: ${problem}`).join("\n"),
    printReports(reports, width),
    weights.length === 0 ? "" : printPaths("weights", weights),
    files.length === 0 ? "" : ["files", ...fileLines(files, process.cwd())].join("\n"),
  ]);
}

function stageRow(stage: StageDetails): string[] {
  const outcome =
    stage.type === "stage.failed" ? stage.code : stage.type === "stage.done" ? duration(stage.seconds) : "stored";
  const { numerics } = stage;
  return [
    stage.stage,
    stage.kind ?? "",
    outcome,
    numerics === undefined ? "" : engineAndDevice(numerics.engine, numerics),
  ];
}
