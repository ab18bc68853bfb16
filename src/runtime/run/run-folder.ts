/** Writes the folder of a run: its events as they happen, its plan, and the logs of workers. */
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { RunEvent } from "../events/events.js";
import { reason } from "../system/reason.js";

export interface RunFolder {
  readonly id: string;
  readonly dir: string;
  append(event: RunEvent): void;
  write(name: string, text: string): string;
  close(): void;
}

/** Returns a new id such as `20261124-035341-4fd1a2`. Ids begin with the time in UTC, so they sort by time. */
export function newRunId(now: Date): string {
  const time = now.toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${time}-${randomBytes(3).toString("hex")}`;
}

/** Creates the folder of a new run. @throws DiagnosticError FSL7031 if it cannot be written. */
export function createRunFolder(runs: string, now: Date): RunFolder {
  const id = newRunId(now);
  const dir = join(runs, id);
  const guarded = <T>(path: string, act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
    }
  };
  const eventsPath = join(dir, "events.ndjson");
  const events = guarded(eventsPath, () => {
    mkdirSync(dir, { recursive: true });
    return openSync(eventsPath, "a");
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
    close: () => closeSync(events),
  };
}
