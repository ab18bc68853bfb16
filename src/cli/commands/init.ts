/** Implements `fslc init [DIR]`, which writes a commented experiment that runs as it is. */
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { say } from "../say.js";
import { starterExperiment, starterGitignore } from "../starter-files.js";

export function define(cli: Cli, exit: (code: number) => void): Command {
  return new Command("init")
    .description("write a commented experiment to start from")
    .argument("[dir]", "the folder to write it to", ".")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc init", "write it to this folder"],
        ["fslc init my-experiment", "write it to a new folder"],
      ]),
    )
    .action(async (dir: string) => exit(await act(cli, dir)));
}

async function act(cli: Cli, dir: string): Promise<number> {
  const experiment = join(dir, "experiment.fsl");
  await mkdir(dir, { recursive: true }).catch(async (error: unknown) => {
    throw (await import("../report-errors.js")).cannotWrite(dir, error);
  });
  if (!(await create(experiment, starterExperiment))) {
    say(cli.stderr, `fslc: ${experiment} exists already and was not changed\n`);
    return exitCodes.usage;
  }
  const written = [experiment];
  const ignore = join(dir, ".gitignore");
  if (await create(ignore, starterGitignore)) written.push(ignore);
  for (const path of written) say(cli.stdout, `wrote ${path}\n`);
  const path = relative(".", experiment);
  say(
    cli.stdout,
    `\nNext:\n  fslc plan ${path}   show what a run would do\n  fslc run ${path}    train and evaluate\n`,
  );
  return exitCodes.done;
}

/** Creates a file. Returns false if the file exists, because fslc never overwrites a file of the user. */
async function create(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw (await import("../report-errors.js")).cannotWrite(path, error);
  }
}
