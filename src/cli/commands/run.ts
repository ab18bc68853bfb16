/** `fslc run FILE`: trains and evaluates; what the store already holds is not run again. */
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import type { Run } from "../../runtime/run/run.js";
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ExperimentOptions, type MachineOptions, runOptions, withExperiment, withMachine } from "../options.js";
import type { Reporter, ReporterName } from "../reporters/reporter.js";
import { canDraw, colorLevel, textWidth } from "../terminal.js";
import { UsageError } from "../usage-error.js";

const reporters: readonly ReporterName[] = ["ink", "plain", "json"];

interface Options extends ExperimentOptions, MachineOptions {
  readonly reporter?: string;
  readonly quiet?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  return withMachine(
    withExperiment(new Command("run").description("run an experiment: train, evaluate, keep every finished stage")),
  )
    .option("--reporter <name>", `how progress is shown: ${reporters.join(", ")}`)
    .option("--quiet", "print nothing but the results")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc run experiment.fsl", "train and evaluate"],
        ["fslc run experiment.fsl --set shots=5 --seed 1", "with another parameter and seed"],
        ["fslc run experiment.fsl --engine auto", "on a GPU, where one is here"],
        ["fslc run experiment.fsl --force proto", "run one stage anew"],
        ["fslc run experiment.fsl --reporter json", "one JSON event a line, for programs"],
      ]),
    )
    .addHelpText("after", "\nCtrl-C stops after the current step and keeps finished stages; pressed again, it aborts.")
    .addHelpText("after", "Exit codes: 0 done, 1 a stage failed, 2 the file has errors, 3 usage, 130 interrupted.")
    .action(async (file: string, options: Options) => exit(await act(cli, file, options)));
}

async function act(cli: Cli, file: string, options: Options): Promise<number> {
  const name = reporterName(cli, options.reporter);
  const { compileAndReport, refusalCode, sourceReader } = await import("../experiment.js");
  const { compiled, code } = await compileAndReport(cli, file, options);
  if (compiled.experiment === undefined || code !== undefined) return code ?? exitCodes.invalid;

  const { chooseEngine } = await import("../../runtime/engines/select.js");
  const { RefusedError, prepareRun } = await import("../../runtime/run/preflight.js");
  const { run } = await import("../../runtime/run/run.js");
  let started: Run;
  try {
    const asked = runOptions(compiled.project, options);
    // Whatever can be said without fetching anything and without looking for devices is said first.
    const preparation = prepareRun(compiled.experiment, asked);
    if ("diagnostics" in preparation) throw new RefusedError(preparation.diagnostics);
    await fetchWanted(cli, compiled.project.dir, options.engine);
    const choice = await chooseEngine(preparation.prepared.asked, compiled.project.dir);
    started = run(compiled.experiment, { ...asked, choice });
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const { printDiagnostics } = await import("../report-errors.js");
    printDiagnostics(cli, error.diagnostics, sourceReader(compiled));
    return refusalCode(error.diagnostics);
  }
  return await watch(cli, started, name, options.quiet === true, sourceReader(compiled));
}

/** The default engine, where a run may want it. */
async function fetchWanted(cli: Cli, projectDir: string, engine = "onnx"): Promise<void> {
  if (engine !== "onnx" && engine !== "auto") return;
  const { fetchMissingEngine } = await import("../engine-fetch.js");
  const fetched = fetchMissingEngine(cli, projectDir);
  // Of several engines one may be missing: what there is then, `auto` says.
  await (engine === "auto" ? fetched.catch((error: unknown) => cli.stderr.write(`${messageOf(error)}\n`)) : fetched);
}

/** Of a situation of the user's; anything else is thrown on. */
function messageOf(error: unknown): string {
  if (error instanceof DiagnosticError) return error.message;
  throw error;
}

/** Shows a run until it ends, passes interrupts on to it, and leaves a receipt. */
async function watch(
  cli: Cli,
  started: Run,
  name: ReporterName,
  quiet: boolean,
  source: (file: string) => string | undefined,
): Promise<number> {
  const { initialState, reduce } = await import("../view/model.js");
  let presses = 0;
  const interrupt = (): void => {
    presses++;
    reporter?.interrupted();
    if (presses === 1) started.stop();
    else if (presses === 2) started.abort();
    else process.exit(exitCodes.interrupted);
  };
  const reporter = quiet ? undefined : await createReporter(cli, name, interrupt);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, interrupt);
  let state = initialState;
  try {
    for await (const event of started.events) {
      state = reduce(state, event);
      reporter?.event(event);
    }
  } finally {
    await reporter?.close();
    for (const signal of signals) process.off(signal, interrupt);
  }
  const summary = await started.done;

  if (name !== "json" || quiet) {
    const { printRunSummary, resultsTable } = await import("../print/run-summary.js");
    const { printReports } = await import("../print/reports.js");
    const text = [resultsTable(summary.results), printReports(summary.reports)]
      .filter((part) => part !== "")
      .join("\n\n");
    if (text !== "") cli.stdout.write(`${quiet ? "" : "\n"}${text}\n`);
    const color = colorLevel(cli.stderr, cli.env) > 0;
    const told = printRunSummary(summary, state, started.dir, { source, color, width: textWidth(cli.stderr, cli.env) });
    if (!quiet) cli.stderr.write(`\n${told}\n`);
    else if (summary.status !== "done") cli.stderr.write(`${told}\n`);
  }
  return { done: exitCodes.done, failed: exitCodes.failed, interrupted: exitCodes.interrupted }[summary.status];
}

async function createReporter(cli: Cli, name: ReporterName, onInterrupt: () => void): Promise<Reporter> {
  switch (name) {
    case "ink": {
      // React's development build is slower and warns to the screen.
      process.env.NODE_ENV ??= "production";
      return (await import("../reporters/ink.js")).inkReporter(cli, onInterrupt);
    }
    case "plain":
      return (await import("../reporters/plain.js")).plainReporter(cli);
    case "json":
      return (await import("../reporters/json.js")).jsonReporter(cli);
  }
}

function reporterName(cli: Cli, asked: string | undefined): ReporterName {
  const found = reporters.find((name) => name === asked);
  if (asked !== undefined && found === undefined) {
    throw new UsageError(`there is no reporter \`${asked}\`; there are ${reporters.join(", ")}`);
  }
  // Without a terminal a screen cannot be drawn, whoever asks for it.
  if ((found ?? "ink") === "ink") return canDraw(cli.stderr, cli.env) ? "ink" : "plain";
  return found ?? "plain";
}
