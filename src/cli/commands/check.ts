/** Implements `fslc check FILE…`, which finds every mistake in one pass. `--emit` prints the result of a phase of the compiler. */
import { printableJson } from "../../common/printable.js";
import type { CompiledFile } from "../../runtime/host/compile-file.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { type EmitPhase, emitPhases } from "../emit-phases.js";
import { exitCodes } from "../exit-codes.js";
import { type ExperimentOptions, withParameters } from "../options.js";
import type { JsonDiagnostic } from "../print/diagnostics.js";
import { say } from "../say.js";
import { findInputs, type StandardInputOptions, stdinPathOption } from "../standard-input.js";
import { compileEach } from "../sweep.js";
import { UsageError } from "../usage-error.js";
import { plural } from "../view/format.js";

/** The values of `--format`: diagnostics with code frames, or as one line each. */
const formats = ["full", "short"] as const;

interface Options extends ExperimentOptions, StandardInputOptions {
  readonly timings?: boolean;
  readonly json?: boolean;
  readonly format?: string;
  readonly emit?: string;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  return withParameters(
    new Command("check")
      .description("find the mistakes in experiments without running them")
      .argument("<files...>", "experiments and libraries (.fsl), or folders of them; `-` is standard input"),
  )
    .option("--json", "print the diagnostics as JSON to stdout, for programs")
    .option("--format <name>", `how diagnostics are printed: ${formats.join(", ")}; short is one line each, on stdout`)
    .option(...stdinPathOption)
    .option("--timings", "print the time of each phase of the compiler")
    .option("--emit <phase>", `print the result of a phase: ${emitPhases.join(", ")}`)
    .addHelpText(
      "after",
      helpExamples([
        ["fslc check experiment.fsl", "print the mistakes, each with its place, code and fix"],
        ["fslc check examples specs", "check every .fsl file in two folders"],
        ["fslc check experiment.fsl --set shots=5", "use another value of a parameter"],
        ["fslc check experiment.fsl --format short", "print lines such as `experiment.fsl:3:7: error FSL2001: …`"],
        ["fslc check - --stdin-path net.fsl --json", "check the text of an editor before it is saved"],
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

/**
 * Returns how to print the diagnostics.
 *
 * @throws UsageError if there is no such format, or if the options contradict each other.
 */
function outputForm({ json, format, emit }: Options): "full" | "short" | "json" {
  const form = formats.find((name) => name === (format ?? "full"));
  if (form === undefined)
    throw new UsageError(`there is no format \`${format}\`. The formats are ${formats.join(", ")}`);
  if (!json) return form;
  if (format !== undefined) throw new UsageError("`--json` and `--format` cannot be combined. Leave one of them out");
  if (emit !== undefined) throw new UsageError("`--json` and `--emit` both write to stdout. Leave one of them out");
  return "json";
}

async function act(cli: Cli, paths: readonly string[], options: Options): Promise<number> {
  const { phase, pass } = emitRequest(options.emit);
  const form = outputForm(options);
  const inputs = await findInputs(cli, paths, options);
  if (phase !== undefined && inputs.length > 1)
    throw new UsageError("`--emit` takes one file, but there are several. Name one file");
  const { compilationCode, experimentCompiler, printCompilation, sourceReader, withBlockers } = await import(
    "../experiment.js"
  );
  const { jsonDiagnostics, shortLines } = await import("../print/diagnostics.js");
  const compileNext = experimentCompiler(options);
  const found: JsonDiagnostic[] = [];
  let worst: number = exitCodes.done;
  for (const { path, text } of inputs) {
    const { compiled } = compileEach((...file) => withBlockers(compileNext(...file)), { path, text });
    const { project, diagnostics } = compiled;
    const file = { path, project, diagnostics, source: sourceReader(compiled) };
    if (form === "full") await printCompilation(cli, compiled);
    else if (form === "json") found.push(...jsonDiagnostics(file));
    else for (const line of shortLines(file)) say(cli.stdout, `${line}\n`);
    worst = Math.max(worst, compilationCode(compiled) ?? exitCodes.done);
    if (options.timings) printTimings(cli, compiled);
    if (phase !== undefined && (phase === "cst" || phase === "ast" || compiled.experiment !== undefined)) {
      const { emit } = await import("../emit.js");
      say(cli.stdout, emit(phase, compiled, pass));
    } else if (form === "full" && compilationCode(compiled) === undefined && compiled.experiment !== undefined) {
      const stages = compiled.experiment.wanted.length;
      say(cli.stdout, `${path}: no errors, ${stages === 0 ? "no stages" : plural(stages, "stage")}\n`);
    }
  }
  if (form === "json") say(cli.stdout, `${printableJson(found, 2)}\n`);
  return worst;
}

function printTimings(cli: Cli, { timings }: CompiledFile): void {
  for (const { phase, ms } of timings) say(cli.stderr, `${phase.padEnd(10)} ${ms.toFixed(1).padStart(7)} ms\n`);
}
