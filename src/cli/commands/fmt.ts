/** Implements `fslc fmt FILE…`, which formats files in the one format of FSL. `--check` only names the files that are not formatted. */
import { readFile, writeFile } from "node:fs/promises";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { findFslFiles } from "../fsl-files.js";

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
  const { parse } = await import("../../../grammar/parse.js");
  const { print } = await import("../../../grammar/print.js");
  const { syntaxDiagnostics } = await import("../../compiler/diagnostics/syntax.js");
  const { printDiagnostics, cannotRead, cannotWrite } = await import("../report-errors.js");
  let worst: number = exitCodes.done;
  for (const file of await findFslFiles(paths)) {
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      throw cannotRead(file, error);
    });
    const parsed = parse(text, file);
    if (parsed.errors.length > 0) {
      // A file with syntax errors stays as it is, because the text that the parser skipped would be lost.
      printDiagnostics(cli, syntaxDiagnostics(parsed.errors), () => text);
      worst = exitCodes.invalid;
      continue;
    }
    const formatted = print(parsed.tree, parsed.trivia);
    if (formatted === text) continue;
    if (check) worst = Math.max(worst, exitCodes.failed);
    else {
      await writeFile(file, formatted).catch((error: unknown) => {
        throw cannotWrite(file, error);
      });
    }
    cli.stdout.write(check ? `${file} is not formatted\n` : `formatted ${file}\n`);
  }
  return worst;
}
