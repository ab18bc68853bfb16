/**
 * Names files and folders that are renamed or removed once they are complete, and removes those whose writer was killed. A name
 * carries the machine and the process of its writer, so that a later start can tell a dead writer from one that still works.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isAlive } from "./processes.js";

const thisHost = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
const pattern = /\.tmp-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}(?:\.|-|$)/;
/** The age in ms at which a file of another machine counts as left behind, because its process cannot be looked up from here. */
const abandonedAfter = 24 * 3_600_000;

/** Returns a new name beside `path`, for a file or folder that only this process writes. */
export function temporaryPath(path: string): string {
  return `${path}.tmp-${thisHost}-${process.pid}-${randomBytes(4).toString("hex")}`;
}

/** Removes what dead processes left in a folder under names of `temporaryPath`. A folder that cannot be read has nothing to remove. */
export function removeLeftovers(dir: string): void {
  for (const path of leftoversIn(dir)) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // It belongs to another user, or it is on a disk that cannot be written. It only takes space.
    }
  }
}

/** Returns the paths of what dead processes left in a folder. */
export function leftoversIn(dir: string): string[] {
  return namesIn(dir).flatMap((name) => {
    const path = join(dir, name);
    return isLeftover(name, path) ? [path] : [];
  });
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** Tells whether a name is one of `temporaryPath`, also of a process that still works. */
export function isTemporary(name: string): boolean {
  return pattern.test(name);
}

function isLeftover(name: string, path: string): boolean {
  const [, host, pid] = pattern.exec(name) ?? [];
  if (host === undefined) return false;
  if (host === thisHost) return !isAlive(Number(pid));
  const written = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return written !== undefined && Date.now() - written > abandonedAfter;
}
