/** Implements `fslc fmt FILE…`, which formats files in the one format of FSL. `--check` only names the files that are not formatted. */
import { readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { findFslFiles } from "../fsl-files.js";
import { say } from "../say.js";

export function define(cli: Cli, exit: (code: number) => void): Command {
  return new Command("fmt")
    .description("format .fsl files in the one format of FSL")
    .argument("<files...>", "the files to format in place, or folders of them")
    .option("--check", "change nothing; exit with 1 if a file is not formatted")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc fmt experiment.fsl", "format a file in place"],
        ["fslc fmt --check examples specs", "name the files that are not formatted"],
      ]),
    )
    .action(async (files: string[], options: { check?: boolean }) =>
      exit(await act(cli, files, options.check === true)),
    );
}

async function act(cli: Cli, paths: readonly string[], check: boolean): Promise<number> {
  const { format } = await import("../../../grammar/format.js");
  const { syntaxDiagnostics } = await import("../../compiler/diagnostics/syntax.js");
  const { printDiagnostics, cannotRead, cannotWrite } = await import("../report-errors.js");
  let worst: number = exitCodes.done;
  for (const file of await findFslFiles(paths)) {
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      throw cannotRead(file, error);
    });
    const formatted = format(text, file);
    if (formatted.kind === "invalid") {
      printDiagnostics(cli, syntaxDiagnostics(formatted.issues), () => text);
      worst = exitCodes.invalid;
      continue;
    }
    if (formatted.kind === "unsafe") throw new Error(`${formatted.why}, so \`fslc fmt\` leaves ${file} as it is`);
    if (formatted.text === text) continue;
    if (check) worst = Math.max(worst, exitCodes.failed);
    else {
      await replaceText(file, formatted.text).catch((error: unknown) => {
        throw cannotWrite(file, error);
      });
    }
    say(cli.stdout, check ? `${file} is not formatted\n` : `formatted ${file}\n`);
  }
  return worst;
}

/** Replaces the text of a file in one step: a full disk or a crash leaves the old text. A link stays a link, and the mode stays. */
async function replaceText(path: string, text: string): Promise<void> {
  const { removeLeftovers, temporaryPath } = await import("../../runtime/system/temporary.js");
  const target = await realpath(path);
  removeLeftovers(dirname(target));
  const { mode } = await stat(target);
  const temporary = temporaryPath(target);
  try {
    await writeFile(temporary, text, { mode, flush: true });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
