/** Implements `fslc cancel`, which stops a run of another process. */
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { type ProjectOptions, projectOf, projectOption } from "../options.js";
import { say } from "../say.js";

interface Options extends ProjectOptions {
  readonly now?: boolean;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  return new Command("cancel")
    .description("stop a run that another process computes, as Ctrl-C does")
    .argument("[run]", "the run (default: the last one)")
    .option(...projectOption)
    .option("--now", "do not wait for the current steps")
    .addHelpText("after", helpExamples([["fslc cancel", "stop the last run; the same `fslc run` continues it"]]))
    .action(async (run: string | undefined, options: Options) => exit(await cancel(cli, run ?? "last", options)));
}

async function cancel(cli: Cli, asked: string, { now, ...options }: Options): Promise<number> {
  const { findRun } = await import("../../runtime/run/runs.js");
  const { attachRun } = await import("../../runtime/run/attach.js");
  const { runsGoingOn } = await import("../../runtime/run/run-folder.js");
  const project = await projectOf(options);
  const { dir, id } = findRun(project, asked);
  if (!runsGoingOn(project).has(id)) {
    say(cli.stderr, `the run ${id} is not going on\n`);
    return exitCodes.failed;
  }
  const attached = attachRun(project, dir);
  if (now) attached.abort();
  else attached.stop();
  for await (const _ of attached.events);
  const { status } = await attached.done;
  say(cli.stdout, `${id}: ${status}\n`);
  return exitCodes.done;
}
