/** Implements `fslc store`: it lists, shows, verifies and removes what a project has stored. */
import { printableJson } from "../../common/printable.js";
import { diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { parseAge } from "../ages.js";
import { type Cli, type Command, groupOfCommands, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ProjectOptions, projectOf, projectOption } from "../options.js";
import { say } from "../say.js";
import { tableWidth } from "../terminal.js";
import { UsageError } from "../usage-error.js";

interface Options extends ProjectOptions {
  readonly json?: boolean;
}

interface CollectOptions extends Options {
  readonly keepLast?: string;
  readonly olderThan?: string;
  readonly packs?: boolean;
  readonly engines?: boolean;
  readonly dryRun?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = groupOfCommands(
    "store",
    "list, show and verify what this project has stored, and remove what no run needs",
  );
  const sub = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .option(...projectOption)
      .option("--json", "print JSON (schemas/store.schema.json)");
  sub(
    "ls",
    "list stages, checkpoints, fits, packs and what is left of others, with sizes and the runs that use them",
  ).action(async (options: Options) => exit(await ls(cli, options)));
  sub("show <key>", "show a stage, its checkpoints or a pack by the beginning of its key").action(
    async (key: string, options: Options) => exit(await show(cli, key, options)),
  );
  sub("verify", "check every digest of the store, packs, fits, checkpoints and results of runs").action(
    async (options: Options) => exit(await verifyAll(cli, options)),
  );
  sub("gc", "remove what no kept run needs; the folders of runs and their results stay")
    .option("--keep-last <n>", "remove what none of the last n runs needs")
    .option("--older-than <age>", "remove what only runs older than this need (`30d`, `12h`)")
    .option("--packs", "also remove packed images that no kept run uses")
    .option("--engines", "also remove ONNX Runtime of other versions of fslc, which all projects share")
    .option("--dry-run", "remove nothing; print what would go")
    .action(async (options: CollectOptions) => exit(await gc(cli, options)));
  return command.addHelpText(
    "after",
    helpExamples([
      ["fslc store ls", "list what is stored, and which runs use it"],
      ["fslc store verify", "find damage"],
      ["fslc store gc --dry-run", "say what no run needs"],
      ["fslc store gc --keep-last 10 --older-than 30d", "keep the last 10 runs, and those of the last 30 days"],
    ]),
  );
}

async function ls(cli: Cli, options: Options): Promise<number> {
  const { takeInventory } = await import("../../runtime/run/inventory.js");
  const { usesOfRuns } = await import("../../runtime/run/run-uses.js");
  const project = await projectOf(options);
  const items = await takeInventory(project, usesOfRuns(project));
  if (options.json) {
    const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
    say(cli.stdout, `${printableJson({ report: "list", items, bytes }, 2)}\n`);
  } else if (items.length === 0) say(cli.stdout, `nothing is stored in ${project.dir}\n`);
  else {
    const { printInventory } = await import("../print/store.js");
    say(cli.stdout, `${printInventory(items, tableWidth(cli.stdout))}\n`);
  }
  return exitCodes.done;
}

async function show(cli: Cli, key: string, options: Options): Promise<number> {
  const { showStored } = await import("../../runtime/run/show-stored.js");
  const { usesOfRuns } = await import("../../runtime/run/run-uses.js");
  const project = await projectOf(options);
  const shown = await showStored(project, usesOfRuns(project), key);
  if (options.json) say(cli.stdout, `${printableJson({ report: "key", ...shown }, 2)}\n`);
  else {
    const { printShownKey } = await import("../print/store.js");
    say(cli.stdout, `${printShownKey(shown)}\n`);
  }
  return exitCodes.done;
}

async function verifyAll(cli: Cli, options: Options): Promise<number> {
  const { verify } = await import("../../runtime/run/verify.js");
  const unreadable = (dir: string, why: string): void => say(cli.stderr, `${dir} cannot be read: ${why}\n`);
  const found = await verify(await projectOf(options), unreadable);
  if (options.json) say(cli.stdout, `${printableJson({ report: "verification", ...found }, 2)}\n`);
  else {
    const { printVerification } = await import("../print/store.js");
    const { printDiagnostics } = await import("../report-errors.js");
    const damage = found.damaged.map(({ path, problem }) => diagnostic("FSL7058", undefined, { path, problem }));
    printDiagnostics(cli, damage, () => undefined);
    say(cli.stdout, `${printVerification(found)}\n`);
  }
  return found.damaged.length === 0 ? exitCodes.done : exitCodes.failed;
}

async function gc(cli: Cli, options: CollectOptions): Promise<number> {
  const { collect } = await import("../../runtime/run/collect.js");
  const { keepLast, olderThan, packs = false, engines = false, dryRun = false } = options;
  const made = await collect(await projectOf(options), {
    ...(keepLast === undefined ? {} : { keepLast: parseCount("--keep-last", keepLast) }),
    ...(olderThan === undefined ? {} : { olderThan: parseAge("--older-than", olderThan) }),
    packs,
    engines,
    dryRun,
  });
  if (options.json) say(cli.stdout, `${printableJson({ report: "collection", ...made }, 2)}\n`);
  else {
    const { printCollection } = await import("../print/store.js");
    say(cli.stdout, `${printCollection(made, tableWidth(cli.stdout))}\n`);
  }
  const { printDiagnostics } = await import("../report-errors.js");
  const failures = made.failed.map(({ path, why }) => diagnostic("FSL7031", undefined, { path, why }));
  printDiagnostics(cli, failures, () => undefined);
  return failures.length === 0 ? exitCodes.done : exitCodes.failed;
}

function parseCount(option: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`\`${option} ${text}\` is not a number of runs`);
  return Number(text);
}
