/** Implements `fslc export FILE STAGE -o MODEL`: it writes a stage of the store for other programs. */
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes, isUsageCode } from "../exit-codes.js";
import { type ExperimentOptions, type MachineOptions, runOptions, withParameters } from "../options.js";
import { say } from "../say.js";

interface Options extends ExperimentOptions, Pick<MachineOptions, "seed" | "engine" | "device"> {
  readonly output: string;
  readonly classifier?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = new Command("export")
    .description("write a stage that has run for other programs: as ONNX or as weights for PyTorch, with a card")
    .argument("<file>", "an experiment (.fsl)")
    .argument("<stage>", "the stage whose encoder, classifier or weights are written")
    .requiredOption("-o, --output <model>", "the file to write: NAME.onnx or NAME.safetensors");
  return withParameters(command)
    .option("--classifier", "write the whole few-shot classifier and not only the encoder (ONNX)")
    .option("--seed <n>", "the seed of the run (default: 0)")
    .option("--engine <name>", "use only weights that this engine trained")
    .option("--device <name>", "use only weights that were trained on this kind of device")
    .option("--precision <name>", "use weights that were trained with `bf16` (default: `f32`)")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc export birds.fsl test -o birds.onnx", "the encoder, for images of any number"],
        ["fslc export birds.fsl test -o birds.onnx --classifier", "supports and queries in, scores out"],
        ["fslc export birds.fsl test -o birds.safetensors", "the weights by the names of PyTorch"],
      ]),
    )
    .action(async (file: string, stage: string, options: Options) => exit(await act(cli, file, stage, options)));
}

async function act(cli: Cli, file: string, stage: string, options: Options): Promise<number> {
  const { compileAndReport, refusalCode, sourceReader } = await import("../experiment.js");
  const { compiled, code } = await compileAndReport(cli, file, options);
  const { experiment } = compiled;
  if (experiment === undefined) return code ?? exitCodes.invalid;
  const { prepareRun } = await import("../../runtime/run/preflight.js");
  const { exportStage } = await import("../../runtime/deploy/export.js");
  const { printDiagnostics } = await import("../report-errors.js");
  const preparation = prepareRun(experiment, { ...runOptions(compiled, options), stages: [stage] });
  if ("diagnostics" in preparation) {
    printDiagnostics(cli, preparation.diagnostics, sourceReader(compiled));
    return refusalCode(preparation.diagnostics);
  }
  try {
    const written = await exportStage({
      prepared: preparation.prepared,
      file: options.output,
      classifier: options.classifier === true,
      onNote: (message) => say(cli.stderr, `${message}\n`),
    });
    say(cli.stdout, written.map((path) => `${path}\n`).join(""));
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    printDiagnostics(cli, [error.diagnostic], sourceReader(compiled));
    return isUsageCode(error.diagnostic.code) ? exitCodes.usage : exitCodes.failed;
  }
}
