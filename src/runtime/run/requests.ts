/** Passes requests of other processes on to a run that is going on: `fslc cancel` writes one into the folder of the run. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { Scheduler } from "../scheduler/scheduler.js";
import { reason } from "../system/reason.js";

/** The file of each request. */
const files = { stop: "stop-requested", abort: "abort-requested" } as const;
/** The time between two looks at the folder, in ms. */
const pause = 500;

export type RequestName = keyof typeof files;

/** Asks the run in a folder to stop after its current step, or immediately. @throws DiagnosticError FSL7031 if that cannot be written. */
export function request(dir: string, name: RequestName): void {
  const path = join(dir, files[name]);
  try {
    writeFileSync(path, "");
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
  }
}

/** Follows the requests to a run until it is closed. */
export function watchRequests(dir: string, scheduler: Pick<Scheduler, "stop" | "abort">): { close(): void } {
  const timer = setInterval(() => {
    for (const name of ["stop", "abort"] as const) {
      const path = join(dir, files[name]);
      if (!existsSync(path)) continue;
      rmSync(path, { force: true });
      scheduler[name]();
    }
  }, pause);
  timer.unref();
  return { close: () => clearInterval(timer) };
}
