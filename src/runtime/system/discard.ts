/** Removes files and folders in one step. */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryPath } from "./temporary.js";

/**
 * Moves a file or folder to a name that nobody looks for, in a folder of the same disk, and returns a function that removes it. So it
 * is complete or gone, and what a kill leaves of it is a leftover.
 */
export function discard(path: string, near: string): () => void {
  const aside = temporaryPath(join(near, ".removed"));
  mkdirSync(near, { recursive: true });
  renameSync(path, aside);
  return () => rmSync(aside, { recursive: true, force: true });
}
