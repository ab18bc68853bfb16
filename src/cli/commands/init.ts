/** Implements `fslc init [DIR]`, which writes a commented experiment that runs as it is. */
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { packageRoot } from "../../runtime/system/package.js";
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
  const program = programName(packageRoot, process.cwd(), cli.env);
  say(
    cli.stdout,
    `\nNext:\n  ${program} plan ${path}   show what a run would do\n  ${program} run ${path}    train and evaluate\n`,
  );
  return exitCodes.done;
}

/**
 * Returns what the user types to start fslc: `npx fslc` if npx runs it or a project above the working directory has installed it, because
 * a shell does not find it then, and otherwise `fslc`.
 */
export function programName(root: string, cwd: string, env: Cli["env"]): string {
  const local =
    `${cwd}${sep}`.startsWith(`${dirname(dirname(root))}${sep}`) && basename(dirname(root)) === "node_modules";
  return local || env["npm_command"] === "exec" ? "npx fslc" : "fslc";
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
