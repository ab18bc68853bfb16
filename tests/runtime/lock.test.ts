import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { acquireLock } from "../../src/runtime/system/lock.js";

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

test("the lock of a process that is gone is taken", async () => {
  // Above the largest process id that a kernel gives out.
  writeFileSync(join(dir, "k.lock"), JSON.stringify({ pid: 2 ** 30, host: hostname(), token: "t" }));
  const lock = await acquireLock(dir, "k", { signal: never, onWait: () => expect.unreachable() });
  expect(lock).toBeDefined();
  lock?.release();
});

test("a lock that shows no life is taken, whoever left it", async () => {
  writeFileSync(join(dir, "k.lock"), JSON.stringify({ pid: 1, host: "elsewhere", token: "t" }));
  const lock = await acquireLock(dir, "k", { signal: never, onWait: () => {}, beat: 10 });
  expect(lock).toBeDefined();
  lock?.release();
  writeFileSync(join(dir, "k.lock"), "half wri");
  (await acquireLock(dir, "k", { signal: never, onWait: () => {}, beat: 10 }))?.release();
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
