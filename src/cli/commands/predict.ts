/** Implements `fslc predict FILE STAGE IMAGES…`: it classifies the images of the user with a stage of the store. */
import { printableJson } from "../../common/printable.js";
import type { Prediction } from "../../runtime/deploy/predict.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ExperimentOptions, type MachineOptions, withEngine, withParameters } from "../options.js";
import { say } from "../say.js";
import { tableWidth } from "../terminal.js";
import { UsageError } from "../usage-error.js";

interface Options extends ExperimentOptions, MachineOptions {
  readonly support: string;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly unknown?: string;
}

/** The arguments of the command. */
interface Asked {
  readonly file: string;
  readonly stage: string;
  readonly images: readonly string[];
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = new Command("predict")
    .description("classify your own images with a stage that has run, from a few examples of each class")
    .argument("<file>", "an experiment (.fsl)")
    .argument("<stage>", "the `evaluate` or `meta` stage whose encoder and metric classify")
    .argument("<images...>", "images to classify, or folders of images")
    .requiredOption("--support <folder>", "a folder with one folder of example images for each class");
  return withEngine(withParameters(command))
    .option(
      "--unknown <share>",
      "say `(unknown)` for images that fit no class; this share of the others is lost (0.05)",
    )
    .option("--json", "print JSON")
    .option("--csv", "print CSV")
    .addHelpText(
      "after",
      helpExamples([
        [
          "fslc predict birds.fsl test --support photos new.jpg",
          "photos/robin/*.jpg, photos/wren/*.jpg, … are the examples",
        ],
        [
          "fslc predict birds.fsl test --support photos inbox --csv",
          "every image in the folder inbox, with all probabilities",
        ],
      ]),
    )
    .action(async (file: string, stage: string, images: string[], options: Options) =>
      exit(await act(cli, { file, stage, images }, options)),
    );
}

async function act(cli: Cli, { file, stage, images }: Asked, options: Options): Promise<number> {
  if (options.json && options.csv) throw new UsageError("`--json` and `--csv` are both given. Leave one of them out");
  const unknown = options.unknown === undefined ? undefined : Number(options.unknown);
  if (unknown !== undefined && !(unknown > 0 && unknown < 1))
    throw new UsageError(`\`--unknown ${options.unknown}\` is no share between 0 and 1, such as 0.05`);
  const { withClassifier } = await import("../classifier.js");
  return await withClassifier(cli, { file, stage, options }, async (request) => {
    const { predict } = await import("../../runtime/deploy/predict.js");
    const asked = { support: options.support, images, ...(unknown === undefined ? {} : { unknown }) };
    const prediction = await predict({ ...request, ...asked });
    await print(cli, prediction, options);
    return prediction.unreadable.length === 0 ? exitCodes.done : exitCodes.failed;
  });
}

async function print(cli: Cli, prediction: Prediction, { json, csv }: Options): Promise<void> {
  const { predictionCsv, predictionJson, predictionNotes, predictionTable } = await import("../print/prediction.js");
  if (json) say(cli.stdout, `${printableJson(predictionJson(prediction), 2)}\n`);
  else if (csv) say(cli.stdout, predictionCsv(prediction));
  else if (prediction.images.length > 0) say(cli.stdout, `${predictionTable(prediction, tableWidth(cli.stdout))}\n`);
  if (!json) for (const note of predictionNotes(prediction)) say(cli.stderr, `${note}\n`);
  for (const { file, why } of prediction.unreadable)
    say(cli.stderr, `${file} cannot be read and has no prediction: ${why}\n`);
}
