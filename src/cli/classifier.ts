/** Prepares the classifier of a stored stage for a command, and prints what is wrong with the file, the stage or the images. */
import { DiagnosticError } from "../compiler/diagnostics/diagnostic.js";
import type { PosedTasks } from "../compiler/typed/tree.js";
import type { OpenRequest } from "../runtime/deploy/open-classifier.js";
import { prepareRun, RefusedError } from "../runtime/run/preflight.js";
import type { Cli } from "./command.js";
import { fetchMissingEngine } from "./engine-fetch.js";
import { exitCodes, isUsageCode } from "./exit-codes.js";
import { compileAndReport, experimentCompiler, refusalCode, sourceReader } from "./experiment.js";
import { type ExperimentOptions, type MachineOptions, runOptions } from "./options.js";
import { printDiagnostics } from "./report-errors.js";
import { say } from "./say.js";

/** The stage of a file that a command names, with its options. */
export interface NamedStage {
  readonly file: string;
  readonly stage: string;
  readonly options: ExperimentOptions & MachineOptions;
}

/** Does something with the classifier of a stage and returns the exit code. */
export async function withClassifier(
  cli: Cli,
  { file, stage, options }: NamedStage,
  use: (request: OpenRequest) => Promise<number>,
): Promise<number> {
  const { compiled, code } = await compileAndReport(cli, file, options);
  const { experiment, project } = compiled;
  if (experiment === undefined) return code ?? exitCodes.invalid;
  try {
    const preparation = prepareRun(experiment, { ...runOptions(compiled, options), stages: [stage] });
    if ("diagnostics" in preparation) throw new RefusedError(preparation.diagnostics);
    if ((options.engine ?? "onnx") === "onnx" && !(await fetchMissingEngine(cli, project.dir)))
      return exitCodes.interrupted;
    return await use({
      prepared: preparation.prepared,
      onNote: (message) => say(cli.stderr, `${message}\n`),
      pose: (tasks: PosedTasks) => {
        const again = experimentCompiler(options, tasks)(file);
        const metrics = again.posed.get(tasks.stage);
        if (again.experiment === undefined || metrics === undefined) throw new RefusedError(again.diagnostics);
        return metrics;
      },
    });
  } catch (error) {
    if (error instanceof RefusedError) {
      printDiagnostics(cli, error.diagnostics, sourceReader(compiled));
      return refusalCode(error.diagnostics);
    }
    if (!(error instanceof DiagnosticError)) throw error;
    printDiagnostics(cli, [error.diagnostic], sourceReader(compiled));
    return isUsageCode(error.diagnostic.code) ? exitCodes.usage : exitCodes.failed;
  }
}
