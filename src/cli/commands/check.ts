/** Implements `fslc check FILE…`, which finds every mistake in one pass. `--emit` prints the result of a phase of the compiler. */
import type { CompiledFile } from "../../runtime/host/compile-file.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { type EmitPhase, emitPhases } from "../emit-phases.js";
import { exitCodes } from "../exit-codes.js";
import { findFslFiles } from "../fsl-files.js";
import { type ExperimentOptions, withParameters } from "../options.js";
import { say } from "../say.js";
import { UsageError } from "../usage-error.js";
import { plural } from "../view/format.js";

interface Options extends ExperimentOptions {
  readonly timings?: boolean;
  readonly emit?: string;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  return withParameters(
    new Command("check")
      .description("find the mistakes in experiments without running them")
      .argument("<files...>", "experiments and libraries (.fsl), or folders of them"),
  )
    .option("--timings", "print the time of each phase of the compiler")
    .option("--emit <phase>", `print the result of a phase: ${emitPhases.join(", ")}`)
    .addHelpText(
      "after",
      helpExamples([
        ["fslc check experiment.fsl", "print the mistakes, each with its place, code and fix"],
        ["fslc check examples specs", "check every .fsl file in two folders"],
        ["fslc check experiment.fsl --set shots=5", "use another value of a parameter"],
        ["fslc check experiment.fsl --emit typed", "print the typed tree as JSON"],
        [
          "fslc check experiment.fsl --emit tensor:passes",
          "print what each optimization pass does to the tensor programs",
        ],
      ]),
    )
    .action(async (paths: string[], options: Options) => exit(await act(cli, paths, options)));
}

/**
 * Reads the value of `--emit`: a phase, or `tensor:PASS`. The names of the passes are checked by `emit`, which knows them.
 *
 * @throws UsageError if there is no such phase.
 */
function emitRequest(given: string | undefined): { readonly phase?: EmitPhase; readonly pass?: string } {
  if (given === undefined) return {};
  const phase = emitPhases.find((name) => name === given);
  if (phase !== undefined) return { phase };
  if (given.startsWith("tensor:")) return { phase: "tensor", pass: given.slice("tensor:".length) };
  throw new UsageError(`there is no phase \`${given}\`. The phases are ${emitPhases.join(", ")}`);
}

async function act(cli: Cli, paths: readonly string[], options: Options): Promise<number> {
  const { phase, pass } = emitRequest(options.emit);
  const files = await findFslFiles(paths);
  if (phase !== undefined && files.length > 1)
    throw new UsageError("`--emit` takes one file, but there are several. Name one file");
  const { reportingCompiler } = await import("../experiment.js");
  const explain = reportingCompiler(cli, options);
  let worst: number = exitCodes.done;
  for (const file of files) {
    const { compiled, code } = await explain(file);
    worst = Math.max(worst, code ?? exitCodes.done);
    if (options.timings) printTimings(cli, compiled);
    if (phase !== undefined && (phase === "cst" || phase === "ast" || compiled.experiment !== undefined)) {
      const { emit } = await import("../emit.js");
      say(cli.stdout, emit(phase, compiled, pass));
    } else if (compiled.experiment !== undefined) {
      const stages = compiled.experiment.wanted.length;
      say(cli.stdout, `${file}: no errors, ${stages === 0 ? "no stages" : plural(stages, "stage")}\n`);
    }
  }
  return worst;
}

function printTimings(cli: Cli, { timings }: CompiledFile): void {
  for (const { phase, ms } of timings) say(cli.stderr, `${phase.padEnd(10)} ${ms.toFixed(1).padStart(7)} ms\n`);
}
