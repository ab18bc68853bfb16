/** Writes the folder of a run: its events as they happen, its plan, and the logs of workers. */
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { RunEvent } from "../events/events.js";
import { claimLock, heldLocks } from "../system/lock.js";
import { type Project, projectPaths } from "../system/project.js";
import { reason } from "../system/reason.js";

export interface RunFolder {
  readonly id: string;
  readonly dir: string;
  append(event: RunEvent): void;
  write(name: string, text: string): string;
  close(): void;
}

/** Stands before the id of a run in the name of its lock. */
const lockPrefix = "run-";

/** Returns the ids of the runs of a project that are going on. */
export function runsGoingOn(project: Project): ReadonlySet<string> {
  const names = [...heldLocks(projectPaths.locks(project)).keys()];
  return new Set(names.flatMap((name) => (name.startsWith(lockPrefix) ? [name.slice(lockPrefix.length)] : [])));
}

/** Returns a new id such as `20261124-035341-4fd1a2`. Ids begin with the time in UTC, so they sort by time. */
export function newRunId(now: Date): string {
  const time = now.toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${time}-${randomBytes(3).toString("hex")}`;
}

/**
 * Creates the folder of a new run with an id of `newRunId`. Until it is closed, a lock tells other processes that the run is going on. The lock is there before
 * the folder, so that nobody removes the folder of a run that has just begun.
 *
 * @throws DiagnosticError FSL7031 if it cannot be written.
 */
export function createRunFolder(project: Project, id: string): RunFolder {
  const dir = join(projectPaths.runs(project), id);
  const lock = claimLock(projectPaths.locks(project), `${lockPrefix}${id}`);
  const guarded = <T>(path: string, act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
    }
  };
  const eventsPath = join(dir, "events.ndjson");
  const events = guarded(eventsPath, () => {
    try {
      mkdirSync(dir, { recursive: true });
      return openSync(eventsPath, "a");
    } catch (error) {
      lock.release();
      throw error;
    }
  });
  return {
    id,
    dir,
    append: (event) => guarded(eventsPath, () => void writeSync(events, `${JSON.stringify(event)}\n`)),
    write(name, text) {
      const path = join(dir, name);
      guarded(path, () => {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, text);
      });
      return path;
    },
    close() {
      closeSync(events);
      lock.release();
    },
  };
}
