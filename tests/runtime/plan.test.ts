import { rmSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { printPlan } from "../../src/cli/print/plan.js";
import type { PlanReport, StageStatus } from "../../src/compiler/stages/plan/report.js";
import { withExpectedTimes } from "../../src/runtime/run/expected-time.js";
import { plan } from "../../src/runtime/run/plan.js";
import { RefusedError } from "../../src/runtime/run/preflight.js";
import { run } from "../../src/runtime/run/run.js";
import type { Project } from "../../src/runtime/system/project.js";
import { schemaProblem } from "../../src/runtime/system/schema.js";
import { base, baseline, experiment, follow, makeProject, proto } from "./tiny.js";

// Real runs: seconds alone on two cores, and many times that beside others.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

const statusOf = (report: PlanReport, id: string): StageStatus | undefined =>
  report.stages.find((stage) => stage.id === id)?.status;

test("before anything ran, all is to run, and what has no inputs yet is pending", async () => {
  const report = await plan(experiment(), { project });
  expect(schemaProblem("plan", JSON.parse(JSON.stringify(report)))).toBeUndefined();
  expect(report.stages.map(({ id }) => id)).toEqual(["data:d", "base", "proto", "result", "baseline"]);
  expect(report.stages.every(({ status }) => !status.cached)).toBe(true);
  const { total = 0, free = 0 } = report.memory ?? {};
  expect(0 < free && free <= total && total <= totalmem()).toBe(true);
  expect(report.stages.find(({ id }) => id === "proto")?.key).toBe("pending");
});

test("afterwards the plan names what serves, and of the rest what has changed", async () => {
  await follow(run(experiment([base, baseline]), { project, engine: "reference" }));
  const changed = { ...base, optimizer: { ...base.optimizer, lr: 0.5 } };
  const report = await plan(experiment([changed, proto, baseline]), { project });
  expect(schemaProblem("plan", JSON.parse(JSON.stringify(report)))).toBeUndefined();
  expect(statusOf(report, "data:d")).toEqual({ cached: true });
  expect(statusOf(report, "baseline")).toEqual({
    cached: true,
    by: { engine: "reference", version: "1", device: "cpu", threads: 1 },
    seconds: expect.any(Number),
  });
  expect(statusOf(report, "base")).toMatchObject({ cached: false, because: { differs: ["stage.optimizer.lr"] } });
  expect(statusOf(report, "proto")).toMatchObject({ cached: false, because: { kind: "waits", for: ["base"] } });
  const forced = await plan(experiment([base]), { project, force: ["base"] });
  expect(statusOf(forced, "base")).toMatchObject({ cached: false, because: { kind: "forced" } });
  // With exact numerics, only what this engine with these threads has computed serves.
  const exact = await plan(experiment([base, baseline]), { project, engine: "reference", exact: true });
  expect([statusOf(exact, "base")?.cached, statusOf(exact, "baseline")?.cached]).toEqual([true, true]);
  const onnx = await plan(experiment([baseline]), { project, engine: "onnx", exact: true });
  expect(statusOf(onnx, "baseline")?.cached).toBe(false);
  const other = await plan(experiment([base]), { project, engine: "onnx" });
  expect(statusOf(other, "base")).toMatchObject({ cached: false });
});

test("the time of a stage is expected from its work and the speed of the engine, and less if a part is done", async () => {
  const report = await plan(experiment(), { project, engine: "reference", force: ["base", "baseline"] });
  const rangesAt = async (seconds: number | undefined, given: PlanReport = report) => {
    const timed = await withExpectedTimes(given, 1, async () => seconds);
    expect(schemaProblem("plan", JSON.parse(JSON.stringify(timed)))).toBeUndefined();
    return { all: timed.expectedSeconds, of: timed.stages.map(({ expectedSeconds }) => expectedSeconds) };
  };
  expect(await rangesAt(undefined)).toEqual({
    all: undefined,
    of: [undefined, undefined, undefined, undefined, undefined],
  });
  const slow = await rangesAt(1000);
  const slower = await rangesAt(2000);
  const [ingest, ...stages] = slow.of;
  expect(ingest).toBeUndefined();
  stages.forEach((range, i) => {
    const [low = 0, high = 0] = range ?? [];
    expect(low).toBeLessThan(high);
    expect(slower.of[i + 1]?.[0]).toBeGreaterThan(low);
  });
  expect(slow.all?.[1]).toBeCloseTo(stages.reduce((sum, range) => sum + (range?.[1] ?? 0), 0));
  expect(printPlan({ ...report, expectedSeconds: [80, 245] }, { width: 100, colorLevel: 0 })).toContain(
    "a run is expected to take 1:20 to 4:05 on this machine",
  );
  const [first, base, ...others] = report.stages;
  if (first === undefined || base?.kind !== "pretrain") throw new Error("another plan");
  const because = { kind: "forced" as const };
  const begun = {
    ...base,
    status: { cached: false as const, because, continues: { count: 1, unit: "steps" as const } },
  };
  const continued = await rangesAt(1000, { ...report, stages: [first, begun, ...others] });
  expect(continued.of[1]?.[1]).toBeLessThan(slow.of[1]?.[1] ?? 0);
  // A stored stage is compared with its time only if this engine has computed it.
  const by = { engine: "onnx", version: "1", device: "cpu", threads: 1 };
  const elsewhere = { ...base, status: { cached: true as const, by, seconds: 5 } };
  expect((await rangesAt(1000, { ...report, stages: [first, elsewhere, ...others] })).of[1]).toBeUndefined();
});

test("a stage that cannot run yet is in the plan, with its reason", async () => {
  const blocker = { code: "FSL5999", message: "does not run yet", span: base.span };
  const report = await plan(experiment([{ ...base, blockers: [blocker] }]), { project });
  expect(report.stages[1]?.blockers).toEqual(["does not run yet"]);
});

test("a plan refuses what a run refuses", async () => {
  const refused = plan(experiment(), { project: { ...project, home: join(project.dir, "x") }, force: ["nothing"] });
  await expect(refused).rejects.toBeInstanceOf(RefusedError);
});
