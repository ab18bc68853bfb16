/** Implements `fslc runs list`. */
import { relative } from "node:path";
import { printableJson } from "../../common/printable.js";
import type { Sweep } from "../../runtime/events/events.js";
import { runStatuses, statusOf } from "../../runtime/run/run-status.js";
import type { RunRecord } from "../../runtime/run/runs.js";
import type { Project } from "../../runtime/system/project.js";
import { parseMoment } from "../ages.js";
import type { Cli, Command } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ProjectOptions, projectOf } from "../options.js";
import { say } from "../say.js";
import { tableWidth, textWidth } from "../terminal.js";
import { UsageError } from "../usage-error.js";

export interface ListOptions extends ProjectOptions {
  readonly json?: boolean;
  readonly number: string;
  readonly all?: boolean;
  readonly status?: string;
  readonly file?: string;
  readonly since?: string;
}

/** Adds the options that say which runs to list. */
export function withListOptions(command: Command): Command {
  return command
    .option("-n, --number <n>", "the number of runs to list", "20")
    .option("--all", "also list reruns that took everything from the store")
    .option("--status <status>", `only runs with this status: ${runStatuses.join(", ")}`)
    .option("--file <file>", "only runs of this experiment")
    .option(
      "--since <time>",
      "only runs that started since then: a date (`2026-11-24`, in UTC) or an age (`30d`, `12h`)",
    );
}

export async function list(cli: Cli, options: ListOptions): Promise<number> {
  const { listRuns } = await import("../../runtime/run/runs.js");
  const { withoutReruns } = await import("../../runtime/run/reruns.js");
  const { printRunList } = await import("../print/runs.js");
  const most = Number(options.number);
  if (!Number.isInteger(most) || most < 1)
    throw new UsageError(`\`--number ${options.number}\` is not a number of runs`);
  const project = await projectOf(options);
  const unreadable = (dir: string, why: string): void => say(cli.stderr, `${dir} cannot be read: ${why}\n`);
  const every = listRuns(project, unreadable);
  const { kept, reruns } = options.all ? { kept: every, reruns: [] } : withoutReruns(every);
  const runs = kept.filter(matching(project, options)).slice(0, most);
  if (options.json) {
    const rows = runs.map((run) => ({
      run: run.id,
      dir: run.dir,
      file: run.start.file,
      seed: run.start.seed,
      ...sweepOf(run),
      inputs: run.start.inputs,
      version: run.start.version,
      time: run.start.time,
      status: statusOf(run),
      seconds: run.done?.seconds,
      results: run.done?.results ?? [],
    }));
    say(cli.stdout, `${printableJson(rows, 2)}\n`);
  } else if (runs.length === 0) {
    say(cli.stdout, every.length === 0 ? `no runs yet in ${project.dir}\n` : `no such runs in ${project.dir}\n`);
  } else {
    const widths = { text: textWidth(cli.stdout, cli.env), table: tableWidth(cli.stdout) };
    say(cli.stdout, `${printRunList(runs, reruns.length, widths)}\n`);
  }
  return exitCodes.done;
}

/** Returns the values and seeds of a sweep. Its variants, which are many, are left out. */
function sweepOf({ start }: RunRecord): { readonly sweep?: Omit<Sweep, "variants"> } {
  if (start.sweep === undefined) return {};
  const { params, seeds } = start.sweep;
  return { sweep: { params, seeds } };
}

/** Returns a function that tells whether a run passes the filters of a list. @throws UsageError if a filter is not valid. */
function matching(project: Project, options: ListOptions): (run: RunRecord) => boolean {
  const { status, file, since } = options;
  if (status !== undefined && !runStatuses.some((known) => known === status)) {
    throw new UsageError(`\`--status ${status}\` is none of ${runStatuses.join(", ")}`);
  }
  const from = since === undefined ? Number.NEGATIVE_INFINITY : parseMoment("--since", since, Date.now());
  const path = file === undefined ? undefined : relative(project.dir, file).replaceAll("\\", "/");
  return (run) =>
    (status === undefined || statusOf(run) === status) &&
    (file === undefined || run.start.file === file || run.start.file === path) &&
    run.start.time >= from;
}
