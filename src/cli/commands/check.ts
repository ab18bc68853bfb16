/** `fslc check FILE`: every mistake in one pass; `--emit` shows what a phase makes of the file. */
import { type Cli, Command, examples } from "../command.js";
import { EXIT } from "../exit.js";
import { type ExperimentOptions, withExperiment } from "../options.js";
import { UsageError } from "../usage.js";
import { plural } from "../view/format.js";

const PHASES = ["cst", "ast", "typed", "stages", "tensor", "onnx"] as const;
export type EmitPhase = (typeof PHASES)[number];

interface Options extends ExperimentOptions {
  readonly timings?: boolean;
  readonly emit?: string;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  return withExperiment(new Command("check").description("find the mistakes of an experiment without running it"))
    .option("--timings", "print what each phase of the compiler took")
    .option("--emit <phase>", `print what a phase makes of it: ${PHASES.join(", ")}`)
    .addHelpText(
      "after",
      examples([
        ["fslc check experiment.fsl", "mistakes, each with its place, code and mend"],
        ["fslc check experiment.fsl --set shots=5", "with another value of a parameter"],
        ["fslc check experiment.fsl --emit typed", "the typed tree, as JSON"],
      ]),
    )
    .action(async (file: string, options: Options) => exit(await act(cli, file, options)));
}

async function act(cli: Cli, file: string, options: Options): Promise<number> {
  const phase = PHASES.find((name) => name === options.emit);
  if (options.emit !== undefined && phase === undefined) {
    throw new UsageError(`there is no phase \`${options.emit}\` to emit; there are ${PHASES.join(", ")}`);
  }
  const { compileOrExplain } = await import("../experiment.js");
  const { compiled, code } = compileOrExplain(cli, file, options);
  if (options.timings) {
    for (const { phase: name, ms } of compiled.timings) {
      cli.stderr.write(`${name.padEnd(10)} ${ms.toFixed(1).padStart(7)} ms\n`);
    }
  }
  if (phase !== undefined && (phase === "cst" || phase === "ast" || compiled.experiment !== undefined)) {
    const { emit } = await import("../emit.js");
    cli.stdout.write(emit(phase, compiled));
    return code ?? EXIT.done;
  }
  if (compiled.experiment !== undefined && phase === undefined) {
    const stages = compiled.experiment.wanted.length;
    cli.stdout.write(`${file}: no errors, ${plural(stages, "stage")}\n`);
  }
  return code ?? EXIT.done;
}
