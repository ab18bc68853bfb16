/** Marks work of other commands than `run` on what a project has stored, such as `fslc predict` and `fslc data fetch`. */
import { randomUUID } from "node:crypto";
import { afterCollection } from "../store/uses.js";
import { claimLock } from "../system/lock.js";
import { type Project, projectPaths } from "../system/project.js";

/** Stands before a random part in the name of such a lock. */
export const readingPrefix = "reading-";

/**
 * Works on stages and data of a project. Until the end, no other process removes any of them.
 *
 * @throws DiagnosticError FSL7031 if the lock cannot be written; whatever the work throws.
 */
export async function whileReading<T>(project: Project, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const lock = claimLock(projectPaths.locks(project), `${readingPrefix}${randomUUID()}`);
  try {
    await afterCollection(project, signal ?? new AbortController().signal);
    return await work();
  } finally {
    lock.release();
  }
}
