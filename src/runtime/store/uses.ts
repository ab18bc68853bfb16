/**
 * Records which stages and data a run uses, before it looks for them. So `fslc store gc` in another process removes nothing that a run
 * is about to read: either it sees the record, or the run sees that a collection is going on and waits for its end.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { isHeld } from "../system/lock.js";
import { type Project, projectPaths } from "../system/project.js";
import { reason } from "../system/reason.js";

/** The file, in the folder of a run, with one key of a stage or digest of data per line. */
const usesFile = "uses.txt";
/** The lock of a process that decides what to remove. */
export const collectionLock = "collection";
/** The time in ms between two looks at that lock. */
const pause = 20;

/** Records that a run uses a stage or data. @throws DiagnosticError FSL7031 if it cannot be written. */
export function recordUse(runDir: string, key: string): void {
  const path = join(runDir, usesFile);
  try {
    appendFileSync(path, `${key}\n`);
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
  }
}

/** Waits while another process decides what to remove, which takes moments. */
export async function afterCollection(project: Project, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && isHeld(projectPaths.locks(project), collectionLock)) {
    await sleep(pause, undefined, { signal }).catch(() => {});
  }
}

/** Returns what a run has recorded, or undefined if it recorded nothing, as older versions did. @throws an error if the file cannot be read. */
export function recordedUses(runDir: string): string[] | undefined {
  try {
    const text = readFileSync(join(runDir, usesFile), "utf8");
    return text.split("\n").filter((line) => line !== "");
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}
