/** Marks work on the data of a project that no run does, such as `fslc data fetch`. */
import { randomUUID } from "node:crypto";
import { afterCollection } from "../store/uses.js";
import { claimLock } from "../system/lock.js";
import { type Project, projectPaths } from "../system/project.js";

/**
 * Works on the data of a project. Until the end, no other process removes packed images.
 *
 * @throws DiagnosticError FSL7031 if the lock cannot be written; whatever the work throws.
 */
export async function withData<T>(project: Project, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const lock = claimLock(projectPaths.locks(project), `fetch-${randomUUID()}`);
  try {
    await afterCollection(project, signal);
    return await work();
  } finally {
    lock.release();
  }
}
