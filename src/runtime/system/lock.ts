/**
 * One lock file per stage key, so that two runs at once do not compute the same stage twice. The second waits and is
 * then served from the store. A lock is a convenience, not a safety net: the store's renames keep entries whole anyway.
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
  /** Called once, when the lock is another's: who holds it. */
  readonly onWait: (holder: { readonly pid: number; readonly host: string }) => void;
  /** A holder shows life every `beat` ms; one that shows none while it is watched for ten beats is taken for dead. */
  readonly beat?: number;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

/** Waits for the lock `name` in the folder `dir`; undefined where `signal` aborts first. @throws DiagnosticError FSL7031 */
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
    // Watched by our own clock: a machine that slept, or another host's clock, declares nobody dead.
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
      // Someone took us for dead; the store copes with two writers.
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

/** Undefined for a lock that is gone or half written. */
function readHolder(path: string): Holder | undefined {
  try {
    const { pid, host, token } = JSON.parse(readFileSync(path, "utf8")) as Partial<Holder>;
    if (typeof pid === "number" && typeof host === "string" && typeof token === "string") return { pid, host, token };
  } catch {
    // Gone since, or its writer is still at it: the caller looks again.
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
