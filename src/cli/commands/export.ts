/** Implements `fslc export FILE STAGE -o MODEL`: it writes a stage of the store for other programs. */
import type { NamedStage } from "../classifier.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ExperimentOptions, type MachineOptions, withParameters } from "../options.js";
import { say } from "../say.js";
import { UsageError } from "../usage-error.js";

interface Options extends ExperimentOptions, Pick<MachineOptions, "seed" | "engine" | "device"> {
  readonly output: string;
  readonly classifier?: boolean;
  readonly way?: string;
  readonly shot?: string;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = new Command("export")
    .description("write a stage that has run for other programs: as ONNX or as weights for PyTorch, with a card")
    .argument("<file>", "an experiment (.fsl)")
    .argument("<stage>", "the stage whose encoder, classifier or weights are written")
    .requiredOption("-o, --output <model>", "the file to write: NAME.onnx or NAME.safetensors");
  return withParameters(command)
    .option("--classifier", "write the whole few-shot classifier and not only the encoder (ONNX)")
    .option("--way <n>", "the number of classes of the classifier (default: that of the stage's task)")
    .option("--shot <n>", "the number of supports of each class (default: that of the stage's task)")
    .option("--seed <n>", "the seed of the run (default: 0)")
    .option("--engine <name>", "use only weights that this engine trained")
    .option("--device <name>", "use only weights that were trained on this kind of device")
    .option("--precision <name>", "use weights that were trained with `bf16` (default: `f32`)")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc export birds.fsl test -o birds.onnx", "the encoder, for images of any number"],
        ["fslc export birds.fsl test -o birds.onnx --classifier", "supports and queries in, scores out"],
        ["fslc export birds.fsl test -o birds.onnx --classifier --way 12 --shot 3", "12 classes of 3 supports each"],
        ["fslc export birds.fsl test -o birds.safetensors", "the weights by the names of PyTorch"],
      ]),
    )
    .action(async (file: string, stage: string, options: Options) =>
      exit(await act(cli, { file, stage, options }, options)),
    );
}

async function act(cli: Cli, named: NamedStage, options: Options): Promise<number> {
  const way = sizeOf("--way", options.way, options);
  const shot = sizeOf("--shot", options.shot, options);
  const { withClassifier } = await import("../classifier.js");
  const { exportStage } = await import("../../runtime/deploy/export.js");
  return withClassifier(cli, named, async (request) => {
    const classifier = options.classifier === true ? { way, shot } : undefined;
    const written = await exportStage({ ...request, file: options.output, classifier });
    say(cli.stdout, written.map((path) => `${path}\n`).join(""));
    return exitCodes.done;
  });
}

/** Returns the number of an option of the task. @throws UsageError if it is none, or if no classifier is written */
function sizeOf(option: string, text: string | undefined, { classifier }: Options): number | undefined {
  if (text === undefined) return undefined;
  if (classifier !== true) throw new UsageError(`\`${option}\` is for the classifier: add \`--classifier\``);
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new UsageError(`\`${option}\` is a whole number from 1 to 9999`);
  return Number(text);
}
