/** Follows a run of another process by the events in its folder, as if it were a run of this one. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunEvent } from "../events/events.js";
import type { ScheduleSummary } from "../scheduler/scheduler.js";
import { scoresFile } from "../store/scores.js";
import { linesFrom } from "../system/lines.js";
import type { Project } from "../system/project.js";
import { request } from "./requests.js";
import type { Run, RunSummary } from "./run.js";
import { runsGoingOn } from "./run-folder.js";
import { evaluationsOf, readRun } from "./runs.js";

/** The time between two looks at the events, in ms. */
const pause = 200;

/** A run of another process. */
export interface AttachedRun extends Run {
  /** Resolves when nothing more will come: to false if its process was killed before the run ended. */
  readonly ended: Promise<boolean>;
  /** Ends the watching. The run goes on. */
  detach(): void;
}

/** Follows the run in a folder. Events from its beginning come first. */
export function attachRun(project: Project, dir: string): AttachedRun {
  const id = basename(dir);
  const path = join(dir, "events.ndjson");
  const detached = new AbortController();
  const failures: ScheduleSummary["failures"][number][] = [];
  let last: Extract<RunEvent, { type: "run.done" }> | undefined;
  let settle: (ended: boolean) => void = () => {};
  const ended = new Promise<boolean>((resolve) => {
    settle = resolve;
  });
  async function* follow(): AsyncGenerator<RunEvent> {
    let position = 0;
    while (!detached.signal.aborted) {
      // The lock is looked at before the file, so that nothing is written between the two looks.
      const isOver = existsSync(path) && !runsGoingOn(project).has(id);
      const { lines, end } = linesFrom(path, position);
      position = end;
      for (const line of lines) {
        const event = JSON.parse(line) as RunEvent;
        if (event.type === "stage.failed") failures.push({ ...event, at: event.at });
        if (event.type === "run.done") last = event;
        yield event;
      }
      if (last !== undefined || isOver) break;
      await sleep(pause, undefined, { signal: detached.signal }).catch(() => {});
    }
    settle(last !== undefined);
  }
  return {
    id,
    dir,
    events: follow(),
    ended,
    done: ended.then(() => summaryOf(dir, failures)),
    stop: () => request(dir, "stop"),
    abort: () => request(dir, "abort"),
    detach: () => detached.abort(),
  };
}

/** Returns the summary of a run that has ended, from its folder. */
function summaryOf(dir: string, failures: ScheduleSummary["failures"]): RunSummary {
  const run = readRun(dir);
  const { evaluations, files } = run === undefined ? { evaluations: [], files: [] } : evaluationsOf(run);
  return {
    run: basename(dir),
    seconds: run?.done?.seconds ?? 0,
    status: run?.done?.status ?? "interrupted",
    results: run?.done?.results ?? [],
    reports: evaluations.flatMap(({ stage, manifest }) => manifest.reports.map((report) => ({ stage, ...report }))),
    files: files.filter((file) => basename(file) !== scoresFile),
    failures,
  };
}
