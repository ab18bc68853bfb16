/** Shows a run while it goes on, and its results and a summary at its end. */
import type { Run } from "../runtime/run/run.js";
import type { Cli } from "./command.js";
import { exitCodes } from "./exit-codes.js";
import type { ReactTo } from "./interrupts.js";
import type { chooseReporter } from "./reporters/index.js";
import type { Reporter } from "./reporters/reporter.js";
import { say } from "./say.js";
import { colorLevel, tableWidth, textWidth } from "./terminal.js";
import type { Trackers } from "./trackers/open.js";
import type { RunState } from "./view/model.js";

export interface WatchOptions {
  readonly reporter: ReturnType<typeof chooseReporter>;
  readonly quiet: boolean;
  /** The programs beside the reporter that get the events. */
  readonly trackers: Trackers;
  /** Gives the text of a file that a failure points into. */
  readonly source: (file: string) => string | undefined;
  readonly react: ReactTo;
  /** Leaves the run, which another process computes, at an interrupt. Without it, an interrupt stops the run. */
  readonly detach?: () => void;
}

/** Shows a run until it ends, passes interrupts on to it, and prints a summary. Returns the exit code. */
export async function watch(cli: Cli, started: Run, options: WatchOptions): Promise<number> {
  let presses = 0;
  let reporter: Reporter | undefined;
  const interrupt = (): void => {
    presses++;
    if (options.detach !== undefined) {
      options.detach();
      return;
    }
    reporter?.interrupted();
    if (presses === 1) started.stop();
    else if (presses === 2) started.abort();
    else process.exit(exitCodes.interrupted);
  };
  options.react(interrupt);
  const { initialState, reduce } = await import("./view/model.js");
  const watched = options.detach === undefined ? {} : { watched: true as const };
  if (!options.quiet) reporter = await options.reporter.create(cli, interrupt, watched);
  if (options.detach === undefined) for (let press = 0; press < presses; press++) reporter?.interrupted();
  let state = initialState;
  try {
    for await (const event of started.events) {
      state = reduce(state, event);
      reporter?.event(event);
      options.trackers.event(event);
    }
  } finally {
    await reporter?.close();
    await options.trackers.close();
  }
  if (presses > 0 && options.detach !== undefined) {
    const end = started.id.split("-").at(-1) ?? started.id;
    say(cli.stderr, `the run goes on: \`fslc attach ${end}\` shows it, \`fslc cancel ${end}\` stops it\n`);
    return exitCodes.done;
  }
  const summary = await started.done;

  if (options.reporter.summary || options.quiet) {
    const { printRunSummary, resultsTable, warningLines } = await import("./print/run-summary.js");
    const { printReports } = await import("./print/reports.js");
    const { joinParts } = await import("./print/table.js");
    const results =
      (await sweepTable(cli, started.dir)) ??
      joinParts([
        resultsTable(summary.results, tableWidth(cli.stdout)),
        printReports(summary.reports, tableWidth(cli.stdout)),
      ]);
    if (results !== "") say(cli.stdout, `${options.quiet ? "" : "\n"}${results}\n`);
    const color = colorLevel(cli.stderr, cli.env) > 0;
    const style = { source: options.source, color, width: textWidth(cli.stderr, cli.env) };
    const text = printRunSummary(summary, state, started.dir, style);
    if (!options.quiet) cli.stderr.write(`\n${[text, ...(await fasterLines(state, style.width))].join("\n")}\n`);
    else if (summary.status !== "done") cli.stderr.write(`${text}\n`);
    else say(cli.stderr, warningLines(state, style.width).join("\n"));
  }
  return { done: exitCodes.done, failed: exitCodes.failed, interrupted: exitCodes.interrupted }[summary.status];
}

/** A run of so many seconds is long enough for a word about a faster engine. */
const longRun = 120;

/** Returns the lines about a faster engine after a long run. */
async function fasterLines({ status, seconds = 0, engine }: RunState, width: number): Promise<string[]> {
  if (status !== "done" || seconds < longRun || engine === undefined) return [];
  const { fasterEngineHere } = await import("../runtime/engines/speeds/faster.js");
  const { hanging } = await import("./print/wrap.js");
  const hint = await fasterEngineHere(engine);
  return hint === undefined ? [] : hanging("faster: ", hint, width);
}

/** Returns the table of a sweep, without its last line break, or undefined if the run has one variant or no results. */
async function sweepTable(cli: Cli, dir: string): Promise<string | undefined> {
  const { readRun } = await import("../runtime/run/runs.js");
  const run = readRun(dir);
  if (run?.start.sweep === undefined) return undefined;
  const { printResultTable } = await import("./commands/runs-table.js");
  const printed = await printResultTable(cli, run, {}, "text");
  return printed?.trimEnd();
}
