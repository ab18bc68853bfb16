/** Implements `fslc data how`: it says how to get a published data set, and checks what lies in its folder. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Cli, Command } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ProjectOptions, projectOf, projectOption } from "../options.js";
import { say } from "../say.js";
import { tableWidth, textWidth } from "../terminal.js";

interface Options extends ProjectOptions {
  readonly root?: string;
}

export function defineHow(cli: Cli, exit: (code: number) => void): Command {
  return new Command("how")
    .description(
      "say how to get a data set: the download, its size, its license and its folder; and check what is there",
    )
    .argument("<name>", "a source, as `fslc data list` names it")
    .option("--root <dir>", "the folder of the data, relative to the project")
    .option(...projectOption)
    .action(async (name: string, options: Options) => exit(await how(cli, name, options)));
}

async function how(cli: Cli, name: string, options: Options): Promise<number> {
  const { requireSource, sourceFacts } = await import("../../runtime/data/index.js");
  const { projectPaths } = await import("../../runtime/system/project.js");
  const { printHow } = await import("../print/sources.js");
  const description = requireSource(name);
  const project = await projectOf(options);
  const root = options.root ?? description.folder;
  const folder = root === undefined ? undefined : resolve(project.dir, root);
  const present = (description.needs ?? []).map((path) => ({
    path,
    isThere: folder !== undefined && existsSync(join(folder, path)),
  }));
  say(cli.stdout, printHow(description, root, present, textWidth(cli.stdout, cli.env)));
  if (root === undefined || folder === undefined || !existsSync(folder)) return exitCodes.done;
  const facts = sourceFacts({ kind: name, args: { root } }, project.dir, projectPaths.data(project));
  const { printLook } = await import("../print/pack.js");
  say(cli.stdout, printLook(name, facts, tableWidth(cli.stdout)));
  return facts?.findings?.some(({ severity }) => severity === "error") === true ? exitCodes.failed : exitCodes.done;
}
