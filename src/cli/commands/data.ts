/** Implements `fslc data`: it lists the sources of images, and fetches or shows the data of an experiment. */
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import type { Dataset } from "../../compiler/typed/tree.js";
import type { Project } from "../../runtime/system/project.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ExperimentOptions, withExperiment } from "../options.js";
import { bytes, count, percent, plural } from "../view/format.js";

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = new Command("data")
    .description("list the sources of images, and fetch or show the data of an experiment")
    .usage("<command> [options]")
    .helpCommand("help [command]", "print help for a command");
  command
    .command("list")
    .description("list the sources: what each one reads, its arguments, and where to get its data")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => exit(await list(cli, options)));
  withExperiment(command.command("fetch").description("fetch, decode and pack the data of an experiment")).action(
    async (file: string, options: ExperimentOptions) => exit(await forEachDataset(cli, file, options, fetchOne)),
  );
  withExperiment(
    command.command("inspect").description("show what lies in the data, how it is read, and the packed data"),
  ).action(async (file: string, options: ExperimentOptions) => exit(await inspect(cli, file, options)));
  return command.addHelpText(
    "after",
    helpExamples([
      ["fslc data list", "list the sources and their arguments"],
      ["fslc data fetch examples/emoji.fsl", "get the data ready before a run"],
      ["fslc data inspect examples/emoji.fsl", "show the packed data"],
    ]),
  );
}

async function list(cli: Cli, options: { readonly json?: boolean }): Promise<number> {
  const { describeSources } = await import("../../runtime/data/index.js");
  const sources = describeSources();
  if (options.json) {
    cli.stdout.write(`${JSON.stringify(sources, null, 2)}\n`);
    return exitCodes.done;
  }
  const { printSources } = await import("../print/sources.js");
  cli.stdout.write(printSources(sources));
  return exitCodes.done;
}

/** Does something with each dataset of an experiment, one after another. Stops at the first exit code other than 0. */
async function forEachDataset(
  cli: Cli,
  file: string,
  options: ExperimentOptions,
  each: (cli: Cli, dataset: Dataset, project: Project, file: string) => Promise<number>,
): Promise<number> {
  const { compileAndReport, sourceReader } = await import("../experiment.js");
  const { compiled, code } = await compileAndReport(cli, file, options);
  if (compiled.experiment === undefined) return code ?? exitCodes.invalid;
  try {
    for (const dataset of Object.values(compiled.experiment.datasets)) {
      const done = await each(cli, dataset, compiled.project, file);
      if (done !== exitCodes.done) return done;
    }
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    // The diagnostic is printed here, because the texts that it points into are known here.
    const { printDiagnostics } = await import("../report-errors.js");
    printDiagnostics(cli, [error.diagnostic], sourceReader(compiled));
    return exitCodes.failed;
  }
  return exitCodes.done;
}

async function fetchOne(cli: Cli, dataset: Dataset, project: Project): Promise<number> {
  const { ingest } = await import("../../runtime/data/index.js");
  const { projectPaths } = await import("../../runtime/system/project.js");
  const { availableThreads } = await import("../../runtime/system/threads.js");
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once("SIGINT", onSignal);
  let shown = "";
  let lastTime = 0;
  try {
    const pack = await ingest(dataset, {
      cacheDir: projectPaths.data(project),
      projectDir: project.dir,
      threads: availableThreads(),
      signal: stop.signal,
      onProgress: ({ phase, done, total, unit }) => {
        // At most one line per phase and half second is written, on a terminal as in a log.
        if (phase === shown && Date.now() - lastTime < 500 && done !== total) return;
        shown = phase;
        lastTime = Date.now();
        const part = total === undefined || total === 0 ? "" : ` (${percent(done / total, 0)} %)`;
        cli.stderr.write(
          `${dataset.name}: ${phase} ${unit === "bytes" ? bytes(done) : `${count(done)} ${unit}`}${part}\n`,
        );
      },
    });
    const images = Object.values(pack.splits).reduce((sum, s) => sum + (s.offsets.at(-1) ?? 0), 0);
    cli.stdout.write(`${dataset.name}: ${plural(images, "image")} ready in ${pack.dir}\n`);
    return exitCodes.done;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    cli.stderr.write(`${dataset.name}: interrupted\n`);
    return exitCodes.interrupted;
  } finally {
    process.off("SIGINT", onSignal);
  }
}

/** Shows each dataset, also of an experiment with errors, because the errors may be about the data. */
async function inspect(cli: Cli, file: string, options: ExperimentOptions): Promise<number> {
  const { compileAndReport } = await import("../experiment.js");
  const { compiled, code } = await compileAndReport(cli, file, options);
  for (const dataset of Object.values(compiled.datasets)) await inspectOne(cli, dataset, compiled.project, file);
  return code ?? exitCodes.done;
}

async function inspectOne(cli: Cli, dataset: Dataset, project: Project, file: string): Promise<void> {
  const { findPack, sourceFacts, summarizePack } = await import("../../runtime/data/index.js");
  const { projectPaths } = await import("../../runtime/system/project.js");
  const places = { cacheDir: projectPaths.data(project), projectDir: project.dir };
  const facts = sourceFacts(dataset.source, places.projectDir, places.cacheDir);
  const { printLook, printPack } = await import("../print/pack.js");
  cli.stdout.write(printLook(dataset.name, facts));
  if (facts?.findings?.some(({ severity }) => severity === "error") === true) return;
  const pack = await findPack(dataset, places);
  if (pack === undefined) {
    cli.stdout.write(`${dataset.name}: nothing is packed yet. To pack it: fslc data fetch ${file}\n`);
    return;
  }
  cli.stdout.write(printPack(dataset.name, summarizePack(pack)));
}
