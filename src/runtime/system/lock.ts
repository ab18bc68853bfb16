/**
 * Locks a name, so that two runs at the same time do not compute the same stage twice. The second run waits and then takes the
 * stage from the store. The lock only saves work: the store keeps its entries complete without it.
 *
 * A lock is a folder with one file, which is named after the token of its holder. The folder is filled under another name and then
 * renamed, so a lock never exists without its holder. A rename does not replace a folder that has a file in it, so one process gets the
 * lock. To take a lock from a dead holder, the file with its token is removed: if somebody else was faster, that file is gone, and the
 * lock of the faster one stays.
 */
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { isAlive } from "./processes.js";
import { reason } from "./reason.js";
import { temporaryPath } from "./temporary.js";

export interface Lock {
  release(): void;
}
export interface LockOptions {
  readonly signal: AbortSignal;
  /** Is called once if another process holds the lock. */
  readonly onWait: (holder: Holder) => void;
  /** The time in milliseconds between two signs of life of a holder. After ten beats without one, the holder counts as dead. */
  readonly beat?: number;
}

/** The process that holds a lock. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
}

/** The file that says who holds a lock, with its content. The content is undefined if the file is damaged. */
interface Claim {
  readonly file: string;
  readonly holder: Holder | undefined;
  /** Changes with every sign of life of the holder. */
  readonly mark: string;
  /** The time of the last sign of life. */
  readonly beaten: number;
}

/** The number of beats without a sign of life after which a holder counts as dead. A damaged claim names nobody who could be asked. */
const patience = { known: 10, unknown: 2 };

/**
 * Waits for the lock `name` in the folder `dir`. It returns undefined if `signal` aborts first.
 *
 * @throws DiagnosticError FSL7031 if the lock cannot be written.
 */
export async function acquireLock(dir: string, name: string, options: LockOptions): Promise<Lock | undefined> {
  const beat = options.beat ?? 3000;
  const path = join(dir, `${name}.lock`);
  const token = randomBytes(8).toString("hex");
  const made = prepare(path, token);
  let told = false;
  let seen = { mark: "", since: performance.now() };
  try {
    while (!options.signal.aborted) {
      if (publish(made, path)) return holdLock(path, token, beat);
      const claim = readClaim(path);
      if (claim === undefined) {
        await sleep(beat / 300);
        continue;
      }
      if (claim.mark !== seen.mark) seen = { mark: claim.mark, since: performance.now() };
      if (isDead(claim, performance.now() - seen.since, beat)) {
        remove(path, claim.file);
        continue;
      }
      if (claim.holder !== undefined && !told) {
        told = true;
        options.onWait(claim.holder);
      }
      await sleep(Math.min(beat / 4, 500), undefined, { signal: options.signal }).catch(() => {});
    }
    return undefined;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/**
 * Takes a lock that nobody else asks for, because its name is new. It only tells other processes that this one lives.
 *
 * @throws DiagnosticError FSL7031 if the lock cannot be written.
 */
export function claimLock(dir: string, name: string, beat = 3000): Lock {
  const path = join(dir, `${name}.lock`);
  const token = randomBytes(8).toString("hex");
  publish(prepare(path, token), path);
  return holdLock(path, token, beat);
}

/** The time in ms without a sign of life after which a holder counts as dead for those who look once and do not wait. */
const abandonedAfter = 24 * 3_600_000;

/** Returns the locks in a folder that living processes hold, by name. A holder of another machine cannot be asked, so it lives for a day. */
export function heldLocks(dir: string): ReadonlyMap<string, Holder | undefined> {
  return new Map(locksIn(dir).flatMap(({ name, claim, held }) => (held ? [[name, claim.holder]] : [])));
}

/** Tells whether a living process holds a lock. */
export function isHeld(dir: string, name: string): boolean {
  return lockAt(dir, `${name}.lock`)?.held === true;
}

/** Removes the locks in a folder that dead processes hold. */
export function removeDeadLocks(dir: string): void {
  for (const { path, claim, held } of locksIn(dir)) if (!held) remove(path, claim.file);
}

interface FoundLock {
  readonly name: string;
  readonly path: string;
  readonly claim: Claim;
  readonly held: boolean;
}

function locksIn(dir: string): FoundLock[] {
  return namesIn(dir).flatMap((file) => lockAt(dir, file) ?? []);
}

function lockAt(dir: string, file: string): FoundLock | undefined {
  const path = join(dir, file);
  const claim = file.endsWith(".lock") ? readClaim(path) : undefined;
  if (claim === undefined) return undefined;
  const dead = claim.holder?.host === hostname() && !isAlive(claim.holder.pid);
  const held = !dead && Date.now() - claim.beaten < abandonedAfter;
  return { name: file.slice(0, -".lock".length), path, claim, held };
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return []; // Nothing was locked yet.
  }
}

/** Makes a folder and those above it. On a read-only disk, Node says of that only that a folder is missing, so the true error is asked for. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
    const above = dirname(path);
    if (!existsSync(above) && above !== path) makeFolder(above);
    mkdirSync(path);
  }
}

/** Writes the folder of a lock under another name, and returns its path. */
function prepare(path: string, token: string): string {
  const made = temporaryPath(path);
  const me: Holder = { pid: process.pid, host: hostname() };
  try {
    makeFolder(made);
    writeFileSync(join(made, token), JSON.stringify(me));
  } catch (error) {
    throw cannotWrite(path, error);
  }
  return made;
}

/** Gives the folder of a lock its name. Returns false if there is such a lock. */
function publish(made: string, path: string): boolean {
  try {
    renameSync(made, path);
    return true;
  } catch (error) {
    // The code depends on the system, so it does not tell a held lock from a disk that cannot be written.
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) return false;
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return false;
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

/** Finds the claim of a lock. Returns undefined if the lock is free by now. */
function readClaim(path: string): Claim | undefined {
  const file = claimFile(path);
  const found = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
  if (file === undefined || found === undefined) return undefined;
  return { file, holder: readHolder(file), mark: `${file} ${found.mtimeMs}`, beaten: found.mtimeMs };
}

/** Returns the file that names the holder. Earlier versions wrote a file in place of the folder, and it is its own claim. */
function claimFile(path: string): string | undefined {
  try {
    const [token] = readdirSync(path);
    if (token !== undefined) return join(path, token);
    rmdirSync(path); // A process was killed while it released the lock. Windows renames nothing over an empty folder.
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") return path;
  }
  return undefined;
}

function readHolder(file: string): Holder | undefined {
  try {
    const { pid, host } = JSON.parse(readFileSync(file, "utf8")) as Partial<Holder>;
    if (typeof pid === "number" && typeof host === "string") return { pid, host };
  } catch {
    // The file is damaged, or it was removed just now. The caller looks again.
  }
  return undefined;
}

/** Decides by the clock of this process, so that neither a machine that slept nor the clock of another host ends a lock. */
function isDead({ holder }: Claim, silence: number, beat: number): boolean {
  if (holder === undefined) return silence > patience.unknown * beat;
  return silence > patience.known * beat || (holder.host === hostname() && !isAlive(holder.pid));
}

/** Removes a claim, and its lock if nothing else is in it. */
function remove(path: string, file: string): void {
  try {
    unlinkSync(file);
    if (file !== path) rmdirSync(path);
  } catch {
    // Another process was faster. The caller looks again.
  }
}

function holdLock(path: string, token: string, beat: number): Lock {
  const file = join(path, token);
  const timer = setInterval(() => {
    try {
      const now = new Date();
      utimesSync(file, now, now);
    } catch {
      // Another process took this one for dead. The store can handle two writers.
    }
  }, beat);
  timer.unref();
  return {
    release() {
      clearInterval(timer);
      remove(path, file);
    },
  };
}
