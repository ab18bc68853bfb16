/** Implements `fslc fmt FILE…`, which formats files in the one format of FSL. `--check` only names the files that are not formatted. */
import { realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { readSource } from "../../runtime/system/read-file.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { say } from "../say.js";
import { findInputs, type Input, type StandardInputOptions, stdinPathOption } from "../standard-input.js";

interface Options extends StandardInputOptions {
  readonly check?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  return new Command("fmt")
    .description("format .fsl files in the one format of FSL")
    .argument("<files...>", "the files to format in place, or folders of them; `-` is standard input")
    .option("--check", "change nothing; exit with 1 if a file is not formatted")
    .option(...stdinPathOption)
    .addHelpText(
      "after",
      helpExamples([
        ["fslc fmt experiment.fsl", "format a file in place"],
        ["fslc fmt --check examples specs", "name the files that are not formatted"],
        ["fslc fmt - < experiment.fsl", "print a formatted copy"],
      ]),
    )
    .action(async (files: string[], options: Options) => exit(await act(cli, files, options)));
}

/** Formats every file. One that cannot be read or written is named, and the others are formatted all the same. */
async function act(cli: Cli, paths: readonly string[], options: Options): Promise<number> {
  const { reportFailure } = await import("../report-errors.js");
  let worst: number = exitCodes.done;
  for (const input of await findInputs(cli, paths, options)) {
    const code = await formatInput(cli, input, options).catch((error: unknown) => reportFailure(error, cli));
    worst = Math.max(worst, code);
  }
  return worst;
}

/** Formats one file and returns the exit code. @throws DiagnosticError FSL7040 and FSL7031 if it cannot be read or written. */
async function formatInput(cli: Cli, { path, text: given }: Input, { check = false }: Options): Promise<number> {
  const { format } = await import("../../../grammar/format.js");
  const { syntaxDiagnostics } = await import("../../compiler/diagnostics/syntax.js");
  const { printDiagnostics, cannotRead, cannotWrite } = await import("../report-errors.js");
  let text: string;
  try {
    text = given ?? readSource(path);
  } catch (error) {
    throw cannotRead(path, error);
  }
  const formatted = format(text, path);
  if (formatted.kind === "invalid") {
    printDiagnostics(cli, syntaxDiagnostics(formatted.issues), () => text);
    return exitCodes.invalid;
  }
  if (formatted.kind === "unsafe") throw new Error(`${formatted.why}, so \`fslc fmt\` leaves ${path} as it is`);
  if (check) {
    if (formatted.text === text) return exitCodes.done;
    say(cli.stdout, `${path} is not formatted\n`);
    return exitCodes.failed;
  }
  if (given !== undefined) {
    // A program reads this text, so no character of it is replaced.
    cli.stdout.write(formatted.text);
  } else if (formatted.text !== text) {
    await replaceText(path, formatted.text).catch((error: unknown) => {
      throw cannotWrite(path, error);
    });
    say(cli.stdout, `formatted ${path}\n`);
  }
  return exitCodes.done;
}

/** Replaces the text of a file in one step: a full disk or a crash leaves the old text. A link stays a link, and the mode stays. */
async function replaceText(path: string, text: string): Promise<void> {
  const { removeLeftovers } = await import("../../runtime/system/temporary.js");
  const target = await realpath(path);
  const { replaceFile } = await import("../../runtime/system/durable.js");
  removeLeftovers(dirname(target));
  await replaceFile(target, text, { mode: (await stat(target)).mode });
}
