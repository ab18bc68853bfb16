/** Implements `fslc run FILE`, which trains and evaluates. Stages that are in the store are not run again. */
import { relative } from "node:path";
import { printableJson } from "../../common/printable.js";
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import type { Experiment } from "../../compiler/typed/tree.js";
import type { RunOptions } from "../../runtime/run/preflight.js";
import { runIdVariable, runInBackground } from "../background.js";
import { type ClusterOptions, clusterOptions, withCluster } from "../cluster-options.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ReactTo, withInterrupts } from "../interrupts.js";
import { type ExperimentOptions, type MachineOptions, runOptions, withExperiment, withMachine } from "../options.js";
import { chooseReporter, reporterNames } from "../reporters/index.js";
import { say } from "../say.js";
import { type SweepOptions, withSweep } from "../sweep.js";
import { colorLevel, textWidth } from "../terminal.js";
import { openTrackers, type TrackerOptions, withTrackers } from "../trackers/open.js";
import { type WatchOptions, watch } from "../watch.js";

interface Options extends ExperimentOptions, MachineOptions, SweepOptions, ClusterOptions, TrackerOptions {
  readonly dryRun?: boolean;
  readonly reporter?: string;
  readonly quiet?: boolean;
  readonly report?: boolean;
  readonly profile?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = new Command("run").description("run an experiment: train, evaluate, and keep every finished stage");
  return withTrackers(withCluster(withSweep(withMachine(withExperiment(command)))))
    .option(
      "--on-failure <policy>",
      "what a failed stage does to others: `finish` those that do not need it (default), `stop` all, or `retry=3`",
    )
    .option("--dry-run", "print which stages would run and which the store has, and run nothing")
    .option("--reporter <name>", `how progress is shown: ${reporterNames.join(", ")}`)
    .option("--quiet", "print nothing but the results")
    .option("--report", "write the report of the run into its folder at the end, as `fslc report` does")
    .option("--profile", "measure where the time goes: a table, and a trace for chrome://tracing in the run's folder")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc run experiment.fsl", "train and evaluate"],
        ["fslc run experiment.fsl --set shots=5 --seed 1", "use another parameter value and seed"],
        ["fslc run experiment.fsl --sweep shots=1,5 --seeds 0..4", "run ten variants; what they share runs once"],
        ["fslc run experiment.fsl --engine auto", "use a GPU if one is available"],
        ["fslc run experiment.fsl --force proto", "run one stage again"],
        ["fslc run experiment.fsl --reporter json", "write one JSON event per line, for programs"],
      ]),
    )
    .addHelpText(
      "after",
      "\nCtrl-C stops after the current step. Finished stages are kept, and the others continue there in the next run.\nA second Ctrl-C aborts.",
    )
    .addHelpText("after", "Exit codes: 0 done, 1 a stage failed, 2 the file has errors, 3 usage, 130 interrupted.")
    .action(async (file: string, options: Options) => exit(await act(cli, file, options)));
}

async function act(cli: Cli, file: string, options: Options): Promise<number> {
  return await withInterrupts(
    () => quitBeforeStart(cli),
    (react) => runAndWatch(cli, file, options, react),
  );
}

async function runAndWatch(cli: Cli, file: string, options: Options, react: ReactTo): Promise<number> {
  const reporter = chooseReporter(cli, options.reporter);
  const { refusalCode, sourceReader } = await import("../experiment.js");
  const { compileVariants, seedsFor } = await import("../sweep.js");
  const { compiled, experiments, code } = await compileVariants(cli, file, options);
  if (code !== undefined) return code;

  const { chooseEngine } = await import("../../runtime/engines/select.js");
  const { RefusedError, prepareRun } = await import("../../runtime/run/preflight.js");
  const { localEnvironment, run, startRun } = await import("../../runtime/run/run.js");
  try {
    const profile = options.profile === true;
    const given = await clusterOptions(compiled.project, options);
    if ("diagnostics" in given) throw new RefusedError(given.diagnostics);
    const asked: RunOptions = {
      ...runOptions(compiled, options),
      ...given,
      profile,
      ...seedsFor(compiled, options),
    };
    if (options.dryRun) return await showPlan(cli, experiments, asked, reporter);
    // Errors that need no download and no search for devices are reported first.
    const preparation = prepareRun(experiments, asked);
    if ("diagnostics" in preparation) throw new RefusedError(preparation.diagnostics);
    if (!(await fetchDefaultEngine(cli, compiled.project.dir, options.engine))) return exitCodes.interrupted;
    const id = cli.env[runIdVariable];
    const onCluster = preparation.prepared.cluster !== undefined;
    if (onCluster && id !== undefined) {
      const started = startRun(preparation.prepared, localEnvironment(preparation.prepared), id);
      await started.done;
      if (options.report === true) await writeReportOf(cli, started.dir, { ...options, quiet: true });
      return exitCodes.done;
    }
    const trackers = await openTrackers(cli, options);
    const watching = { reporter, trackers, quiet: options.quiet === true, source: sourceReader(compiled), react };
    // The process that the user sees only watches, so that it can end while the jobs go on.
    if (onCluster) return await runInBackground(cli, preparation.prepared.project, watching);
    const choice = await chooseEngine(preparation.prepared.asked);
    const started = run(experiments, { ...asked, choice });
    const code = await watch(cli, started, watching);
    if (options.report === true) await writeReportOf(cli, started.dir, options);
    if (profile)
      await writeProfileOf(cli, started.dir, {
        quiet: options.quiet === true || !reporter.summary,
        source: watching.source,
      });
    return code;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const { printDiagnostics } = await import("../report-errors.js");
    printDiagnostics(cli, error.diagnostics, sourceReader(compiled));
    return refusalCode(error.diagnostics);
  }
}

/** Prints what a run would do: for people, or as JSON for a reporter that writes for programs. */
async function showPlan(
  cli: Cli,
  experiments: readonly Experiment[],
  options: RunOptions,
  reporter: ReturnType<typeof chooseReporter>,
): Promise<number> {
  const { plan } = await import("../../runtime/run/plan.js");
  const report = await plan(experiments, options, { costs: false });
  if (reporter.summary) {
    const { printDryRun } = await import("../print/dry-run.js");
    const style = { width: textWidth(cli.stdout, cli.env), colorLevel: colorLevel(cli.stdout, cli.env) };
    cli.stdout.write(printDryRun(report, style));
  } else say(cli.stdout, `${printableJson(report, 2)}\n`);
  return exitCodes.done;
}

/** Writes the report of a run that has ended, also of one that failed, and says where it lies. */
async function writeReportOf(cli: Cli, dir: string, { quiet }: Options): Promise<void> {
  const { readRun } = await import("../../runtime/run/runs.js");
  const { writeReport } = await import("../report/write.js");
  const run = readRun(dir);
  if (run === undefined) return;
  const path = await writeReport(run);
  if (quiet !== true) say(cli.stderr, `report: ${relative(process.cwd(), path) || path}\n`);
}

/** Writes the profile of a run that has ended into its folder, and prints its tables. */
async function writeProfileOf(
  cli: Cli,
  dir: string,
  { quiet, source }: Pick<WatchOptions, "quiet" | "source">,
): Promise<void> {
  const { collectProfiles } = await import("../../runtime/profile/files.js");
  const { printProfile } = await import("../print/profile.js");
  const profile = collectProfiles(dir, source);
  if (!quiet) say(cli.stderr, `\n${printProfile(profile, process.cwd(), textWidth(cli.stderr, cli.env))}\n`);
}

/** Ends the program before the run starts. Nothing has been computed, so nothing is lost. */
function quitBeforeStart(cli: Cli): never {
  say(cli.stderr, "interrupted before the first stage started\n");
  process.exit(exitCodes.interrupted);
}

/** Fetches the default engine if it is missing and the run may need it. Returns false if the user interrupted that. */
async function fetchDefaultEngine(cli: Cli, projectDir: string, engine = "onnx"): Promise<boolean> {
  if (engine !== "onnx" && engine !== "auto") return true;
  const { fetchMissingEngine } = await import("../engine-fetch.js");
  const fetched = fetchMissingEngine(cli, projectDir);
  // With `auto` another engine can compute, so a failed download is only reported.
  if (engine !== "auto") return await fetched;
  return await fetched.catch((error: unknown) => {
    say(cli.stderr, `${messageOf(error)}\n`);
    return true;
  });
}

/** Returns the message of a diagnostic. Throws any other error again. */
function messageOf(error: unknown): string {
  if (error instanceof DiagnosticError) return error.message;
  throw error;
}
