import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunEvent } from "../../src/runtime/events/events.js";
import type { Outcome, PlacedJob } from "../../src/runtime/stages/job.js";
import { firstPatience, patienceFor } from "../../src/runtime/stages/patience.js";
import { runInWorker, type WorkerRun } from "../../src/runtime/worker/client.js";
import { Watchdog } from "../../src/runtime/worker/watchdog.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fslc-worker-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function job(node: string): PlacedJob {
  return {
    node,
    target: node,
    experiment: { file: "x.fsl", params: [], datasets: {}, stages: [], wanted: [] },
    project: { dir, home: dir },
    runDir: dir,
    scratch: dir,
    seed: 0,
    threads: { engine: 1, loaders: 1 },
    engine: { name: "onnx", device: "cpu" },
    key: "k",
    content: null,
    reuseExact: false,
    attempt: 1,
    fresh: false,
    profile: false,
    packs: {},
    inputs: {},
  };
}
const entry = new URL("./fixtures/worker.mjs", import.meta.url);

/** Runs the worker; `pid` settles with its process id, which it says first. */
function start(node: string): Omit<WorkerRun, "pid"> & { pid: Promise<number> } {
  let tell: (pid: number) => void = () => {};
  const pid = new Promise<number>((resolve) => {
    tell = resolve;
  });
  const onEvent = (event: RunEvent): void => {
    if (event.type === "stage.note") tell(Number(event.message.replace("pid ", "")));
  };
  return { ...runInWorker(job(node), onEvent, entry), pid };
}
const codeOf = (outcome: Outcome): string => (outcome.kind === "failed" ? outcome.failure.code : outcome.kind);
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 100 && isAlive(pid); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  return !isAlive(pid);
}

test("an outcome comes back, and the process goes", async () => {
  const worker = start("done");
  expect(await worker.outcome).toEqual({ kind: "stored", dir: "k", reused: false });
  expect(await gone(await worker.pid)).toBe(true);
});

test("a worker that exits without an outcome has died, and says how", async () => {
  const outcome = await start("exits").outcome;
  expect(outcome).toMatchObject({ kind: "failed", failure: { code: "FSL7020" } });
  expect(outcome.kind === "failed" && outcome.failure.message).toContain("exit code 3");
  expect(outcome.kind === "failed" && outcome.failure.fix).toContain("again");
});

test("a worker that is killed has died, and says by which signal", async () => {
  const worker = start("works");
  process.kill(await worker.pid, "SIGKILL");
  const outcome = await worker.outcome;
  expect(codeOf(outcome)).toBe("FSL7020");
  expect(outcome.kind === "failed" && outcome.failure.message).toContain("SIGKILL");
});

test.each([
  ["bad-alloc", "FSL7004", "std::bad_alloc"],
  ["heap", "FSL7004", "heap out of memory"],
  ["device", "FSL7005", "VK_ERROR_DEVICE_LOST"],
  ["segfault", "FSL7020", "logs/segfault.log"],
])("a worker that dies has failed by what it wrote: %s", async (node, code, told) => {
  const outcome = await start(node).outcome;
  expect(codeOf(outcome)).toBe(code);
  expect(outcome.kind === "failed" && outcome.failure.message).toContain(told);
});

test("what an earlier run wrote says nothing about this one", async () => {
  await start("bad-alloc").outcome;
  writeFileSync(join(dir, "logs", "exits.log"), readFileSync(join(dir, "logs", "bad-alloc.log")));
  const outcome = await start("exits").outcome;
  expect(outcome).toMatchObject({ kind: "failed", failure: { code: "FSL7020" } });
});

test("a worker that makes no progress is stopped, one that does is not", async () => {
  const working = start("works");
  const hanging = start("hangs");
  expect(codeOf(await hanging.outcome)).toBe("FSL7021");
  expect(await gone(await hanging.pid)).toBe(true);
  expect(isAlive(await working.pid)).toBe(true);
  working.stop();
  expect(await working.outcome).toEqual({ kind: "stopped" });
});

test("Ctrl-C at the terminal is not the worker's concern", async () => {
  const worker = start("works");
  process.kill(await worker.pid, "SIGINT");
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isAlive(await worker.pid)).toBe(true);
  worker.abort();
  expect(codeOf(await worker.outcome)).toBe("FSL7020");
});

test("what a worker writes to its terminal is kept in the run's folder", async () => {
  await start("noisy").outcome;
  expect(readFileSync(join(dir, "logs", "noisy.log"), "utf8")).toBe("to the terminal\nand there too\n");
  await start("done").outcome;
  expect(existsSync(join(dir, "logs", "done.log"))).toBe(false);
});

test("the watchdog measures by the worker's own steps", () => {
  const dog = new Watchdog(0);
  expect(dog.silence(firstPatience)).toBeUndefined();
  expect(dog.silence(firstPatience + 1)).toBe(firstPatience + 1);
  dog.beat(1, patienceFor(10_000), 1000);
  expect(dog.silence(1000 + 200_000)).toBeUndefined();
  expect(dog.silence(1000 + 200_001)).toBe(200_001);
  dog.beat(1, patienceFor(10_000), 5000);
  expect(dog.silence(201_500)).toBe(200_500);
  dog.beat(2, patienceFor(1), 201_600);
  expect(dog.silence(201_600 + 60_000)).toBeUndefined();
});
