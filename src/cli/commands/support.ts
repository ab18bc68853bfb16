/** Implements `fslc support add | rm | list`: kept sets of examples, which predictions and pages use by their names. */
import { printableJson } from "../../common/printable.js";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { listClassFolders, listImages } from "../../runtime/data/index.js";
import type { ImageFiles } from "../../runtime/deploy/support-sets.js";
import { type Cli, type Command, groupOfCommands, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ProjectOptions, projectOf, projectOption } from "../options.js";
import { say } from "../say.js";
import { tableWidth } from "../terminal.js";
import { UsageError } from "../usage-error.js";

interface AddOptions extends ProjectOptions {
  readonly class?: string;
}
interface ListOptions extends ProjectOptions {
  readonly json?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = groupOfCommands("support", "keep sets of examples in the project, for `predict` and `serve`");
  command
    .command("add <set> <images...>")
    .description("add examples to a set: a folder with a folder for each class, or images of one class")
    .option("--class <name>", "the class of the images")
    .option(...projectOption)
    .action(async (set: string, images: string[], options: AddOptions) => exit(await add(cli, set, images, options)));
  command
    .command("rm <set>")
    .description("remove a set")
    .option(...projectOption)
    .action(async (set: string, options: ProjectOptions) => exit(await remove(cli, set, options)));
  command
    .command("list")
    .description("list the sets with their classes")
    .option("--json", "print JSON")
    .option(...projectOption)
    .action(async (options: ListOptions) => exit(await list(cli, options)));
  return command.addHelpText(
    "after",
    helpExamples([
      ["fslc support add garden photos", "photos/robin/*.jpg, photos/wren/*.jpg, … are the examples"],
      ["fslc support add garden new.jpg --class robin", "one more example of a robin"],
      ["fslc predict birds.fsl test --support garden inbox", "use the set"],
    ]),
  );
}

async function add(cli: Cli, set: string, images: readonly string[], options: AddOptions): Promise<number> {
  const { addToKeptSet, isSetName } = await import("../../runtime/deploy/support-sets.js");
  if (!isSetName(set))
    throw new UsageError(
      `\`${set}\` cannot name a set: a name has letters, digits, \`.\`, \`_\` and \`-\`, at most 64`,
    );
  addToKeptSet(await projectOf(options), set, examplesOf(images, options.class));
  return await list(cli, options);
}

function examplesOf(images: readonly string[], name: string | undefined): readonly ImageFiles[] {
  if (name !== undefined) return [{ name, images: listImages(images) }];
  const [folder = "", ...others] = images;
  if (others.length > 0)
    throw new UsageError("Give one folder with a folder for each class, or images with `--class NAME`");
  return listClassFolders(folder).classes;
}

async function remove(cli: Cli, set: string, options: ProjectOptions): Promise<number> {
  const { removeKeptSet } = await import("../../runtime/deploy/support-sets.js");
  if (!removeKeptSet(await projectOf(options), set)) {
    const help = ["`fslc support list` lists the sets"];
    throw new DiagnosticError(diagnostic("FSL7061", undefined, { path: set, why: "there is no such set" }, { help }));
  }
  say(cli.stdout, `removed ${set}\n`);
  return exitCodes.done;
}

async function list(cli: Cli, options: ListOptions): Promise<number> {
  const { listKeptSets } = await import("../../runtime/deploy/support-sets.js");
  const { table } = await import("../print/table.js");
  const sets = listKeptSets(await projectOf(options));
  const rows = sets.flatMap(({ name, classes }) => classes.map((one) => [name, one.name, `${one.images}`]));
  const style = { align: ["left", "left", "right"], width: tableWidth(cli.stdout) } as const;
  if (options.json) say(cli.stdout, `${printableJson(sets, 2)}\n`);
  else if (sets.length === 0) say(cli.stdout, "This project keeps no sets of examples.\n");
  else say(cli.stdout, `${table(["set", "class", "examples"], rows, style)}\n`);
  return exitCodes.done;
}
