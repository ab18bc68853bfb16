import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EngineError, type EngineErrorKind } from "../../src/runtime/engines/engine.js";
import { describeFailure } from "../../src/runtime/events/failure.js";
import { ProgressTracker, type StageEvent, StoppedError, throttled } from "../../src/runtime/stages/context.js";
import { diagnoseExit, outOfMemoryKills } from "../../src/runtime/worker/diagnose-exit.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fslc-failure-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const place = () => ({ stage: "proto", engine: "onnx", dir });

test.each<[EngineErrorKind, string]>([
  ["unsupported-op", "FSL7003"],
  ["out-of-memory", "FSL7004"],
  ["device-lost", "FSL7005"],
  ["non-finite", "FSL7007"],
  ["internal", "FSL7007"],
])("an engine's %s error is %s, on one line and with a fix", (kind, code) => {
  const failure = describeFailure(new EngineError(kind, "the first line\nat a stack"), place());
  expect(failure.code).toBe(code);
  expect(failure.message).toContain("the first line");
  expect(failure.message).not.toContain("\n");
  expect(failure.fix).toBeTruthy();
});

test("an unexpected error leaves its stack in the run's folder and a sentence for the user", () => {
  const error = new TypeError("no such thing", { cause: new Error("the cause") });
  const failure = describeFailure(error, { ...place(), stage: "data:d/x" });
  expect(failure.code).toBe("FSL7099");
  expect(failure.message).not.toContain(" at ");
  const details = readFileSync(join(dir, "bug-data_d_x.txt"), "utf8");
  expect(failure.message).toContain(join(dir, "bug-data_d_x.txt"));
  expect(details).toContain("failure.test.ts");
  expect(details).toContain("caused by Error: the cause");
});

test("a buffer of JavaScript's that cannot be had is want of memory, not a bug", () => {
  let thrown: unknown;
  try {
    new ArrayBuffer(Number.MAX_SAFE_INTEGER);
  } catch (error) {
    thrown = error;
  }
  expect(describeFailure(thrown, place())).toMatchObject({ code: "FSL7004" });
  const noThread = Object.assign(new Error("Worker initialization failure: EAGAIN"), {
    code: "ERR_WORKER_INIT_FAILED",
  });
  expect(describeFailure(noThread, place())).toMatchObject({ code: "FSL7004" });
});

test.skipIf(outOfMemoryKills() === undefined)("a worker that the system ended for want of memory says so", () => {
  const death = { stage: "proto", engine: "onnx", how: "signal SIGKILL", log: { path: join(dir, "none"), from: 0 } };
  const kills = outOfMemoryKills() ?? 0;
  expect(diagnoseExit({ ...death, kills: kills - 1 })).toMatchObject({ code: "FSL7004" });
  expect(diagnoseExit({ ...death, how: "signal SIGSEGV", kills: kills - 1 })).toMatchObject({ code: "FSL7020" });
});

test("a bug is told even where its details cannot be written", () => {
  const failure = describeFailure("text", { ...place(), dir: "/dev/null/x" });
  expect(failure).toMatchObject({ code: "FSL7099" });
  expect(failure.message).toContain("no file");
});

test("at most ten events of a kind in a second, and always the last of a series", () => {
  let now = 0;
  const said: StageEvent[] = [];
  const say = throttled(
    (event) => said.push(event),
    () => now,
  );
  for (let done = 1; done <= 1000; done++, now += 2.5) {
    say({ type: "stage.progress", phase: "embed", done, total: 1000, unit: "images" });
    say({ type: "stage.progress", phase: "other", done, total: undefined, unit: "images" });
    if (done % 500 === 0) say({ type: "stage.note", message: "passes" });
  }
  const of = (phase: string) => said.filter((event) => event.type === "stage.progress" && event.phase === phase);
  expect(of("embed").length).toBeLessThanOrEqual(26);
  expect(of("embed").length).toBeGreaterThan(20);
  expect(of("embed").at(-1)).toMatchObject({ done: 1000 });
  expect(of("other").length).toBeLessThanOrEqual(25);
  expect(said.filter(({ type }) => type === "stage.note")).toHaveLength(2);
});

test("the word to stop is heard between steps", () => {
  let stop = false;
  const reported: number[] = [];
  const pace = new ProgressTracker(
    (patience) => reported.push(patience),
    () => stop,
  );
  pace.step();
  pace.endPreparation();
  stop = true;
  expect(() => pace.step()).toThrow(StoppedError);
  expect(reported).toEqual([60_000, 0, 60_000]);
});
