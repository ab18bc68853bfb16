/** Implements `fslc data`: it lists the sources of images, and fetches or shows the data of an experiment. */
import { printableJson } from "../../common/printable.js";
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import type { Dataset } from "../../compiler/typed/tree.js";
import type { Pack } from "../../runtime/data/contract.js";
import type { Project } from "../../runtime/system/project.js";
import { type Cli, type Command, groupOfCommands, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { withInterrupts } from "../interrupts.js";
import { type ExperimentOptions, withExperiment } from "../options.js";
import { say } from "../say.js";
import { tableWidth } from "../terminal.js";
import { bytes, count, percent, plural } from "../view/format.js";
import { defineHow } from "./data-how.js";

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = groupOfCommands("data", "list the sources of images, and fetch or show the data of an experiment");
  command
    .command("list")
    .description("list the sources: what each one reads, its arguments, and where to get its data")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => exit(await list(cli, options)));
  command.addCommand(defineHow(cli, exit));
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
      ["fslc data how stanford_cars", "say how to get a data set, and check what is there"],
      ["fslc data fetch examples/emoji.fsl", "get the data ready before a run"],
      ["fslc data inspect examples/emoji.fsl", "show the packed data"],
    ]),
  );
}

async function list(cli: Cli, options: { readonly json?: boolean }): Promise<number> {
  const { describeSources } = await import("../../runtime/data/index.js");
  const sources = describeSources();
  if (options.json) {
    say(cli.stdout, `${printableJson(sources, 2)}\n`);
    return exitCodes.done;
  }
  const { printSources } = await import("../print/sources.js");
  say(cli.stdout, printSources(sources));
  return exitCodes.done;
}

/** The surroundings of a dataset, for the commands that show or fetch it. */
interface DatasetPlace {
  readonly cli: Cli;
  readonly project: Project;
  /** The file of the experiment. */
  readonly file: string;
  /** Gives the text of a file that a warning points into. */
  readonly source: (file: string) => string | undefined;
}

/** Does something with each dataset of an experiment, one after another. Stops at the first exit code other than 0. */
async function forEachDataset(
  cli: Cli,
  file: string,
  options: ExperimentOptions,
  each: (place: DatasetPlace, dataset: Dataset) => Promise<number>,
): Promise<number> {
  const { compileAndReport, sourceReader } = await import("../experiment.js");
  const { compiled, code } = await compileAndReport(cli, file, options);
  if (compiled.experiment === undefined) return code ?? exitCodes.invalid;
  try {
    const place = { cli, project: compiled.project, file, source: sourceReader(compiled) };
    for (const dataset of Object.values(compiled.experiment.datasets)) {
      const done = await each(place, dataset);
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

async function fetchOne(place: DatasetPlace, dataset: Dataset): Promise<number> {
  const stop = new AbortController();
  return await withInterrupts(
    () => stop.abort(),
    async () => {
      try {
        const { whileReading } = await import("../../runtime/run/while-reading.js");
        await whileReading(place.project, () => fetchAndReport(place, dataset, stop.signal), stop.signal);
        return exitCodes.done;
      } catch (error) {
        if (!stop.signal.aborted) throw error;
        say(place.cli.stderr, `${dataset.name}: interrupted\n`);
        return exitCodes.interrupted;
      }
    },
  );
}

/** Fetches and packs a dataset, with its progress on stderr. */
async function fetchAndReport(place: DatasetPlace, dataset: Dataset, signal: AbortSignal): Promise<void> {
  const { cli, project } = place;
  const { ingest } = await import("../../runtime/data/index.js");
  const { projectPaths } = await import("../../runtime/system/project.js");
  const { availableThreads } = await import("../../runtime/system/threads.js");
  const { sweepLeftovers } = await import("../../runtime/run/leftovers.js");
  sweepLeftovers(project);
  let shown = { phase: "", line: "", time: 0 };
  const pack = await ingest(dataset, {
    cacheDir: projectPaths.data(project),
    projectDir: project.dir,
    threads: availableThreads(),
    signal,
    onNote: ({ message }) => say(cli.stderr, `${dataset.name}: ${message}\n`),
    onProgress: ({ phase, done, total, unit }) => {
      // At most one line per phase and half second is written, on a terminal as in a log.
      if (phase === shown.phase && Date.now() - shown.time < 500 && done !== total) return;
      const part = total === undefined || total === 0 ? "" : ` (${percent(done / total, 0)} %)`;
      const line = `${dataset.name}: ${phase} ${unit === "bytes" ? bytes(done) : `${count(done)} ${unit}`}${part}\n`;
      if (line !== shown.line) say(cli.stderr, line);
      shown = { phase, line, time: Date.now() };
    },
  });
  const images = pack.layout.rows;
  say(cli.stdout, `${dataset.name}: ${plural(images, "image")} ready in ${pack.dir}\n`);
  await warnAbout(place, dataset, pack);
}

/** Prints the findings about a pack that make results doubtful. */
async function warnAbout({ cli, source }: DatasetPlace, dataset: Dataset, { findings }: Pack): Promise<void> {
  const { describeFindings } = await import("../../runtime/data/index.js");
  const { printDiagnostics } = await import("../report-errors.js");
  printDiagnostics(cli, describeFindings(findings, dataset), source);
}

/** Shows each dataset, also of an experiment with errors, because the errors may be about the data. */
async function inspect(cli: Cli, file: string, options: ExperimentOptions): Promise<number> {
  const { compileAndReport, sourceReader } = await import("../experiment.js");
  const { compiled, code } = await compileAndReport(cli, file, options);
  const place = { cli, project: compiled.project, file, source: sourceReader(compiled) };
  let failed = false;
  for (const dataset of Object.values(compiled.datasets))
    failed = !(await inspectOne(place, dataset, code !== undefined)) || failed;
  return code ?? (failed ? exitCodes.failed : exitCodes.done);
}

/** Shows one dataset. Returns false if its pack is damaged. */
async function inspectOne(place: DatasetPlace, dataset: Dataset, isRefused: boolean): Promise<boolean> {
  const { cli, project, file } = place;
  const { DamagedPackError, findPack, sourceFacts, summarizePack, verifyRows } = await import(
    "../../runtime/data/index.js"
  );
  const { projectPaths } = await import("../../runtime/system/project.js");
  const places = { cacheDir: projectPaths.data(project), projectDir: project.dir };
  const facts = sourceFacts(dataset.source, places.projectDir, places.cacheDir);
  const { printLook, printPack } = await import("../print/pack.js");
  say(cli.stdout, printLook(dataset.name, facts, tableWidth(cli.stdout)));
  if (facts?.findings?.some(({ severity }) => severity === "error") === true) return true;
  const pack = await findPack(dataset, places);
  if (pack === undefined) {
    const isMissing = facts?.findings?.some(({ code }) => code === "FSL6001") === true;
    const next = isRefused || isMissing ? "" : ` To pack it: fslc data fetch ${file}`;
    say(cli.stdout, `${dataset.name}: nothing is packed yet.${next}\n`);
    return true;
  }
  say(cli.stdout, printPack(dataset.name, summarizePack(pack), tableWidth(cli.stdout)));
  await warnAbout(place, dataset, pack);
  try {
    await verifyRows(pack);
    return true;
  } catch (error) {
    if (!(error instanceof DamagedPackError)) throw error;
    const { printDiagnostics } = await import("../report-errors.js");
    printDiagnostics(cli, [error.diagnostic], place.source);
    return false;
  }
}
