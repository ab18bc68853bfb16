/** Starts a run in a process of its own that goes on when this one ends, and watches it. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Project, projectPaths } from "../runtime/system/project.js";
import type { Cli } from "./command.js";
import { exitCodes } from "./exit-codes.js";
import { say } from "./say.js";
import { type WatchOptions, watch } from "./watch.js";

/** The environment variable by which the process in the background knows that it is the one, and the id of its run. */
export const runIdVariable = "FSLC_RUN_ID";

/** Runs the command line of this process in the background and watches that run. An interrupt leaves it. Returns the exit code. */
export async function runInBackground(cli: Cli, project: Project, options: WatchOptions): Promise<number> {
  const { newRunId } = await import("../runtime/run/run-folder.js");
  const { attachRun } = await import("../runtime/run/attach.js");
  const id = newRunId(new Date());
  const runs = projectPaths.runs(project);
  mkdirSync(runs, { recursive: true });
  const log = join(runs, `${id}.log`);
  const file = openSync(log, "w");
  const [, script = "", ...words] = process.argv;
  const child = spawn(process.execPath, [script, ...words], {
    detached: true,
    stdio: ["ignore", file, file],
    env: { ...process.env, [runIdVariable]: id },
  });
  closeSync(file);
  child.unref();
  const dir = join(runs, id);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  while (!existsSync(join(dir, "events.ndjson")) && !hasEnded()) await sleep(50);
  const text = readFileSync(log, "utf8");
  rmSync(log, { force: true });
  if (!existsSync(dir)) {
    say(cli.stderr, text);
    return exitCodes.failed;
  }
  const attached = attachRun(project, dir);
  return await watch(cli, attached, { ...options, detach: () => attached.detach() });
}
