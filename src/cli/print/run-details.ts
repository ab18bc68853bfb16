/** Formats one run in full for `fslc runs show`. */
import type { Numerics } from "../../runtime/engines/engine.js";
import type { StageOutline } from "../../runtime/events/events.js";
import { optionsOf, parameterText, sweptParametersOf } from "../../runtime/run/diff.js";
import type {
  DamagedEvaluation,
  Evaluation,
  endsOfStages,
  RunRecord,
  TrainingHistory,
} from "../../runtime/run/runs.js";
import { count, duration, engineAndDevice, interval, plural } from "../view/format.js";
import { fileLines } from "./files.js";
import { printReports } from "./reports.js";
import { resultsTable } from "./run-summary.js";
import { printPaths, printRunHeading } from "./runs.js";
import { joinParts, table } from "./table.js";
import { hanging } from "./wrap.js";

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
  readonly trainings: readonly TrainingHistory[];
  readonly evaluations: readonly Evaluation[];
  readonly damaged: readonly DamagedEvaluation[];
  /** The paths of the files that stages reported. */
  readonly files: readonly string[];
  /** The table of a sweep, as `fslc runs table` prints it; undefined for a run of one variant. */
  readonly table: string | undefined;
}

export function printRunDetails(details: RunDetails, width: number): string {
  const { run, stages, trainings, evaluations, damaged, files, table: sweepTable = "" } = details;
  const reports = evaluations.flatMap(({ stage, manifest }) =>
    manifest.reports.map((report) => ({ stage, ...report })),
  );
  const weights = stages.flatMap(({ stage, weights: paths }) => paths.map((path) => [stage, path] as const));
  return joinParts([
    printRunHeading(run),
    printInputs(run, width),
    sweepTable.trimEnd(),
    table(["stage", "kind", "took", "computed by"], stages.map(stageRow), {
      align: ["left", "left", "right", "left"],
      width,
    }),
    resultsTable(run.done?.results ?? stages.flatMap((stage) => ("results" in stage ? stage.results : [])), width),
    ...trainings.map((training) => printHistory(training, width)),
    damaged.map(({ stage, problem }) => `! ${stage}: its files in this run are damaged: ${problem}`).join("\n"),
    printReports(reports, width),
    weights.length === 0 ? "" : printPaths("weights", weights),
    files.length === 0 ? "" : ["files", ...fileLines(files, process.cwd())].join("\n"),
  ]);
}

/** The width at which the inputs break, unless the terminal is narrower. */
const proseWidth = 80;
/** The number of validations that are printed. A longer history is thinned; `--json` has all of it. */
const shownValidations = 20;

/** Prints what the run was asked for, and where the texts of its experiment are. Older runs have recorded nothing of it. */
function printInputs(run: RunRecord, width: number): string {
  const { inputs, engine } = run.start;
  if (inputs === undefined) return "";
  const { params, sources, files, system } = inputs;
  const library = sources.filter(({ copy }) => copy === undefined);
  const lines: [string, string[]][] = [
    [
      "parameters",
      params.map((p) => `${p.name} = ${parameterText(p)}${p.origin.startsWith("--") ? ` (${p.origin})` : ""}`),
    ],
    ["sweep", sweptParametersOf(run.start).map(([name, values]) => `${name} = ${values}`)],
    ["options", optionsOf(run).map(([name, value]) => `${name} ${value}`)],
    [
      "engine",
      engine === undefined
        ? []
        : [engineAndDevice(engine.name, engine), ...(engine.why === undefined ? [] : [engine.why])],
    ],
    ["texts", sources.flatMap(({ copy }) => (copy === undefined ? [] : [copy]))],
    ["library", library.map(({ id, sha256 }) => `${id} ${sha256.slice(0, 8)}`)],
    ["files", files.map(({ path, digest }) => `${path} ${digest.slice(0, 8)}`)],
    ["system", [`node ${system.node}`, `${system.platform} ${system.arch}`]],
  ];
  const shown = lines.filter(([, items]) => items.length > 0);
  return shown
    .flatMap(([name, items]) => hanging(`${name.padEnd(10)}  `, items.join(", "), Math.min(width, proseWidth)))
    .join("\n");
}

/** Prints the validations of a training, with the best one marked, and the step whose weights later stages get. */
function printHistory({ stage, history, weightsFrom }: TrainingHistory, width: number): string {
  const best = history.findLast((one) => one.best);
  const every = Math.ceil(history.length / shownValidations);
  const shown = history.filter((one, i) => i % every === 0 || one === best || i === history.length - 1);
  const rows = shown.map((one) => [
    `${one.epoch}`,
    count(one.step),
    interval(one.accuracy, one.ci95),
    one === best ? "★ best" : "",
  ]);
  const thinned = shown.length < history.length ? `, ${shown.length} of ${plural(history.length, "validation")}` : "";
  const head = `${stage}: accuracy in validation${thinned}`;
  const weights =
    weightsFrom && `  weights of epoch ${weightsFrom.epoch}, step ${count(weightsFrom.step)} (${weightsFrom.choice})`;
  const validations =
    history.length === 0
      ? []
      : [
          head,
          table(["epoch", "step", "accuracy", ""], rows, {
            align: ["right", "right", "right", "left"],
            indent: 2,
            width,
          }),
        ];
  if (validations.length === 0) return weights === undefined ? "" : `${stage}: ${weights.trim()}`;
  return [...validations, ...(weights === undefined ? [] : [weights])].join("\n");
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
