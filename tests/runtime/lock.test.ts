import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { acquireLock, claimLock, heldLocks, removeDeadLocks } from "../../src/runtime/system/lock.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fslc-lock-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const never = new AbortController().signal;

test("the second one waits for the first", async () => {
  const order: string[] = [];
  const first = await acquireLock(dir, "k", { signal: never, onWait: () => order.push("first waits"), beat: 100 });
  const second = acquireLock(dir, "k", {
    signal: never,
    onWait: ({ pid }) => order.push(`waits for ${pid}`),
    beat: 100,
  });
  const done = second.then((lock) => {
    order.push("second");
    lock?.release();
  });
  // Longer than ten beats: a holder that shows life keeps its lock.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  order.push("released");
  first?.release();
  await done;
  expect(order).toEqual([`waits for ${process.pid}`, "released", "second"]);
});

test("locks of other names are no concern", async () => {
  const a = await acquireLock(dir, "a", { signal: never, onWait: () => expect.unreachable() });
  const b = await acquireLock(dir, "b", { signal: never, onWait: () => expect.unreachable() });
  a?.release();
  b?.release();
});

/** Above the largest process id that a kernel gives out. */
const deadPid = 2 ** 30;

/** Leaves the lock `k` of a process, as a kill leaves it. */
function leaveLock(claim: string): void {
  mkdirSync(join(dir, "k.lock"));
  writeFileSync(join(dir, "k.lock", "a-token"), claim);
}

test("the lock of a process that is gone is taken", async () => {
  leaveLock(JSON.stringify({ pid: deadPid, host: hostname() }));
  const lock = await acquireLock(dir, "k", { signal: never, onWait: () => expect.unreachable() });
  expect(lock).toBeDefined();
  lock?.release();
  expect(readdirSync(dir)).toEqual([]);
});

test("a lock that shows no life is taken, whoever left it", async () => {
  leaveLock(JSON.stringify({ pid: 1, host: "elsewhere" }));
  const lock = await acquireLock(dir, "k", { signal: never, onWait: () => {}, beat: 10 });
  expect(lock).toBeDefined();
  lock?.release();
});

test.each([
  ["an empty folder", () => mkdirSync(join(dir, "k.lock"))],
  ["a claim that is cut off", () => leaveLock('{ "pid": 1')],
  ["a foreign file in it", () => leaveLock("")],
  ["the file of an earlier version, empty", () => writeFileSync(join(dir, "k.lock"), "")],
  [
    "the file of an earlier version, whose process is gone",
    () => writeFileSync(join(dir, "k.lock"), JSON.stringify({ pid: deadPid, host: hostname(), token: "t" })),
  ],
])("a damaged lock is taken although it names nobody who could be waited for: %s", async (_, leave) => {
  leave();
  const lock = await acquireLock(dir, "k", { signal: never, onWait: () => expect.unreachable(), beat: 100 });
  expect(lock).toBeDefined();
  lock?.release();
  expect(readdirSync(dir)).toEqual([]);
});

test("of many that wait for a dead holder, one at a time holds the lock", async () => {
  leaveLock(JSON.stringify({ pid: deadPid, host: hostname() }));
  let holding = 0;
  const most: number[] = [];
  const waiters = Array.from({ length: 8 }, async () => {
    const lock = await acquireLock(dir, "k", { signal: never, onWait: () => {}, beat: 40 });
    most.push(++holding);
    await new Promise((resolve) => setTimeout(resolve, 3));
    holding--;
    lock?.release();
  });
  await Promise.all(waiters);
  expect(most).toEqual(Array(8).fill(1));
  expect(readdirSync(dir)).toEqual([]);
});

test("processes that find a dead holder at the same moment count one by one", async () => {
  leaveLock(JSON.stringify({ pid: deadPid, host: hostname() }));
  const counter = join(dir, "count");
  writeFileSync(counter, "0");
  const module = new URL("../../dist/src/runtime/system/lock.js", import.meta.url).href;
  // Between reading and writing, a process without the lock would lose the numbers of the others.
  const code = `
    import { readFileSync, writeFileSync } from "node:fs";
    const { acquireLock } = await import(${JSON.stringify(module)});
    for (let i = 0; i < 10; i++) {
      const options = { signal: new AbortController().signal, onWait() {}, beat: 200 };
      const lock = await acquireLock(${JSON.stringify(dir)}, "k", options);
      const value = Number(readFileSync(${JSON.stringify(counter)}, "utf8"));
      await new Promise((resolve) => setTimeout(resolve, 1));
      writeFileSync(${JSON.stringify(counter)}, String(value + 1));
      if (i < 9) lock.release();
      else process.kill(process.pid, "SIGKILL");
    }`;
  const run = (): Promise<void> =>
    new Promise((resolve) => {
      execFile(process.execPath, ["--input-type=module", "--eval", code], () => resolve());
    });
  await Promise.all(Array.from({ length: 4 }, run));
  expect(readFileSync(counter, "utf8")).toBe("40");
});

test("waiting ends when it is called off", async () => {
  const first = await acquireLock(dir, "k", { signal: never, onWait: () => {} });
  const abort = new AbortController();
  const second = acquireLock(dir, "k", { signal: abort.signal, onWait: () => abort.abort() });
  expect(await second).toBeUndefined();
  first?.release();
});

test("a folder that cannot be made is said so", async () => {
  const path = join(dir, "file");
  writeFileSync(path, "");
  const lock = acquireLock(path, "k", { signal: never, onWait: () => expect.unreachable() });
  await expect(lock).rejects.toMatchObject({ diagnostic: { code: "FSL7031" } });
});

test("a claimed lock is held while its process lives, and not after it was released", () => {
  const claim = claimLock(dir, "run-1");
  leaveLock(JSON.stringify({ pid: deadPid, host: hostname() }));
  expect([...heldLocks(dir)]).toEqual([["run-1", { pid: process.pid, host: hostname() }]]);
  removeDeadLocks(dir);
  expect(readdirSync(dir)).toEqual(["run-1.lock"]);
  claim.release();
  expect(readdirSync(dir)).toEqual([]);
  expect(heldLocks(join(dir, "there is no such folder")).size).toBe(0);
});
