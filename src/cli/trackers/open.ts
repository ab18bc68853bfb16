/** Opens the trackers that options ask for, and keeps their failures away from the run. */
import { resolve } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { RunEvent } from "../../runtime/events/events.js";
import { reason } from "../../runtime/system/reason.js";
import type { Cli, Command } from "../command.js";
import { say } from "../say.js";
import type { Tracker } from "./tracker.js";

export interface TrackerOptions {
  readonly tensorboard?: string;
  readonly mlflow?: string;
}

export function withTrackers(command: Command): Command {
  return command
    .option(
      "--tensorboard <dir>",
      "write the curves and results for TensorBoard into this folder, while the run goes on",
    )
    .option("--mlflow <url>", "send the parameters, curves and results to this MLflow server, while the run goes on");
}

/** Several trackers as one that never throws. */
export interface Trackers {
  event(event: RunEvent): void;
  close(): Promise<void>;
}

/** Opens the trackers before a run starts. @throws DiagnosticError FSL7031 or FSL7042 if one cannot be opened */
export async function openTrackers(cli: Cli, { tensorboard, mlflow }: TrackerOptions): Promise<Trackers> {
  const opened: Tracker[] = [];
  if (tensorboard !== undefined) {
    const { tensorboardTracker } = await import("./tensorboard.js");
    const path = resolve(tensorboard);
    try {
      opened.push(tensorboardTracker(path));
    } catch (error) {
      throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }));
    }
  }
  if (mlflow !== undefined) {
    const { mlflowTracker } = await import("./mlflow.js");
    const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_EXPERIMENT_NAME: experiment } = cli.env;
    const refuse = (why: string): DiagnosticError =>
      new DiagnosticError(diagnostic("FSL7042", undefined, { option: "--mlflow", value: mlflow, why }));
    if (!/^https?:\/\//.test(mlflow) || !URL.canParse(mlflow))
      throw refuse("it is not the address of a server, such as http://127.0.0.1:5000");
    try {
      opened.push(await mlflowTracker(mlflow, { token, experiment }));
    } catch (error) {
      throw refuse((error as Error).message);
    }
  }
  return guarded(cli, opened);
}

/** A tracker that fails is named once and gets nothing more. The run goes on. */
function guarded(cli: Cli, opened: readonly Tracker[]): Trackers {
  const working = new Set(opened);
  const drop = (tracker: Tracker, error: unknown): void => {
    working.delete(tracker);
    say(cli.stderr, `fslc: warning: ${tracker.name} gets no more of this run: ${reason(error)}\n`);
  };
  return {
    event(event) {
      for (const tracker of working) {
        try {
          tracker.event(event);
        } catch (error) {
          drop(tracker, error);
        }
      }
    },
    async close() {
      for (const tracker of [...working]) await tracker.close().catch((error: unknown) => drop(tracker, error));
    },
  };
}
