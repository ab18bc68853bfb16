/**
 * Locks a name with a file, so that two runs at the same time do not compute the same stage twice. The second run waits and
 * then takes the stage from the store. The lock only saves work: the store keeps its entries complete without it.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { reason } from "./reason.js";

export interface Lock {
  release(): void;
}
export interface LockOptions {
  readonly signal: AbortSignal;
  /** Is called once if another process holds the lock. */
  readonly onWait: (holder: { readonly pid: number; readonly host: string }) => void;
  /** The time in milliseconds between two signs of life of a holder. After ten beats without one, the holder counts as dead. */
  readonly beat?: number;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

/**
 * Waits for the lock `name` in the folder `dir`. It returns undefined if `signal` aborts first.
 *
 * @throws DiagnosticError FSL7031 if the lock file cannot be written.
 */
export async function acquireLock(dir: string, name: string, options: LockOptions): Promise<Lock | undefined> {
  const beat = options.beat ?? 3000;
  const path = join(dir, `${name}.lock`);
  const me: Holder = { pid: process.pid, host: hostname(), token: randomBytes(8).toString("hex") };
  makeFolder(dir);
  let told = false;
  let seen = { mark: "", since: performance.now() };
  while (!options.signal.aborted) {
    if (create(path, me)) return holdLock(path, me, beat);
    const holder = readHolder(path);
    const mark = `${holder?.token} ${modified(path)}`;
    if (mark !== seen.mark) seen = { mark, since: performance.now() };
    // Only the clock of this process counts, so that neither a machine that slept nor the clock of another host ends a lock.
    const silent = performance.now() - seen.since > 10 * beat;
    if (silent || (holder !== undefined && holder.host === me.host && !isAlive(holder.pid))) {
      rmSync(path, { force: true });
      continue;
    }
    if (holder !== undefined && !told) {
      told = true;
      options.onWait(holder);
    }
    await sleep(Math.min(beat / 4, 500), undefined, { signal: options.signal }).catch(() => {});
  }
  return undefined;
}

function makeFolder(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true });
  } catch (error) {
    throw cannotWrite(dir, error);
  }
}

function create(path: string, me: Holder): boolean {
  try {
    writeFileSync(path, JSON.stringify(me), { flag: "wx" });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
}

function holdLock(path: string, me: Holder, beat: number): Lock {
  const timer = setInterval(() => {
    try {
      const now = new Date();
      utimesSync(path, now, now);
    } catch {
      // Another process took this one for dead. The store can handle two writers.
    }
  }, beat);
  timer.unref();
  return {
    release() {
      clearInterval(timer);
      if (readHolder(path)?.token === me.token) rmSync(path, { force: true });
    },
  };
}

/** Returns the holder of a lock, or undefined if the lock is gone or not completely written. */
function readHolder(path: string): Holder | undefined {
  try {
    const { pid, host, token } = JSON.parse(readFileSync(path, "utf8")) as Partial<Holder>;
    if (typeof pid === "number" && typeof host === "string" && typeof token === "string") return { pid, host, token };
  } catch {
    // The file is gone, or it is still being written. The caller tries again.
  }
  return undefined;
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
