/** Implements `fslc attach`, which shows a run of another process while it goes on, or replays one that has ended. */
import { type Cli, Command, helpExamples } from "../command.js";
import { exitCodes } from "../exit-codes.js";
import { withInterrupts } from "../interrupts.js";
import { type ProjectOptions, projectOf, projectOption } from "../options.js";
import { chooseReporter, reporterNames } from "../reporters/index.js";
import { say } from "../say.js";
import { openTrackers, type TrackerOptions, withTrackers } from "../trackers/open.js";
import { watch } from "../watch.js";

interface AttachOptions extends ProjectOptions, TrackerOptions {
  readonly reporter?: string;
}

export function define(cli: Cli, exit: (code: number) => void): Command {
  const command = new Command("attach")
    .description("show a run that another process computes, or replay one that has ended")
    .argument("[run]", "the run (default: the last one)")
    .option(...projectOption)
    .option("--reporter <name>", `how progress is shown: ${reporterNames.join(", ")}`);
  return withTrackers(command)
    .addHelpText("after", "\nCtrl-C ends the watching. The run goes on.")
    .addHelpText(
      "after",
      helpExamples([
        ["fslc attach", "show the last run"],
        ["fslc attach 4fd1a2 --reporter plain", "show the run whose id ends so, as lines"],
        ["fslc attach 4fd1a2 --tensorboard logs", "write a run that has ended for TensorBoard"],
      ]),
    )
    .action(async (run: string | undefined, options: AttachOptions) => exit(await attach(cli, run ?? "last", options)));
}

async function attach(cli: Cli, asked: string, options: AttachOptions): Promise<number> {
  const { findRun } = await import("../../runtime/run/runs.js");
  const { attachRun } = await import("../../runtime/run/attach.js");
  const project = await projectOf(options);
  const { dir, id } = findRun(project, asked);
  const reporter = chooseReporter(cli, options.reporter);
  const trackers = await openTrackers(cli, options);
  const attached = attachRun(project, dir);
  const detach = (): void => attached.detach();
  const code = await withInterrupts(detach, (react) =>
    watch(cli, attached, { reporter, quiet: false, trackers, source: () => undefined, react, detach }),
  );
  const isKilled = code === exitCodes.interrupted && !(await attached.ended);
  if (isKilled)
    say(cli.stderr, `the process of the run ${id} was killed; the same \`fslc run\` goes on where it was\n`);
  return code;
}
