/** Schedules too long for a table: computed in the program, held against 64-bit arithmetic. */
import { describe, expect, test } from "vitest";
import { NamedOps } from "../../src/compiler/lower/named-tensor.js";
import { lowerLearningRateSchedule, scheduleFactor } from "../../src/compiler/lower/training/learning-rate.js";
import { cost } from "../../src/compiler/tensor/cost.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import type { Program } from "../../src/compiler/tensor/ir.js";
import { reachable } from "../../src/compiler/tensor/walk.js";
import type { Schedule } from "../../src/compiler/typed/tree.js";
import { createEngine } from "../../src/runtime/engines/index.js";

function programOf(schedule: Schedule): Program {
  const ops = new NamedOps(new Graph());
  const step = ops.t.input("step", [], "i32");
  const { node } = lowerLearningRateSchedule(ops, schedule, step);
  return {
    name: "schedule",
    inputs: [{ name: "step", node: step, role: "feed" }],
    outputs: [{ name: "factor", node, role: "host" }],
  };
}
const long: Record<string, Schedule> = {
  "10 million steps": { kind: "cosine", over: 10_000_000, to: 0, warmup: 0 },
  "an odd number, to a hundredth, after a warm-up": { kind: "cosine", over: 123_457, to: 0.01, warmup: 1000 },
  "a warm-up longer than a table": { kind: "cosine", over: 50_000, to: 0, warmup: 30_000 },
  "no more than a billion": { kind: "cosine", over: 1_000_000_000, to: 0, warmup: 0 },
};

describe.each(Object.entries(long))("%s", (_, schedule) => {
  const over = schedule.kind === "cosine" ? schedule.over : 0;
  const steps = [0, 1, 2, 999, 1000, 29_999, 30_000, over - 2, over - 1, over, over + 1, 2 * over];
  for (let i = 1; i < 60; i++) steps.push(Math.floor((over * i * 0.6180339887) % over));

  test.each(["onnx", "reference"] as const)("is right to 1e-6 on %s, and never below its end", async (name) => {
    const engine = await createEngine(name, { device: "cpu", threads: 1 });
    const executable = await engine.compile(programOf(schedule));
    for (const at of steps) {
      const { host } = await executable.run({ step: { shape: [], dtype: "i32", data: Int32Array.of(at) } });
      const factor = host.factor?.data[0] ?? Number.NaN;
      expect(Math.abs(factor - scheduleFactor(schedule, at)), `step ${at}`).toBeLessThan(1e-6);
      expect(factor).toBeGreaterThanOrEqual(0);
    }
    await executable.dispose();
    await engine.dispose();
  });
  test("holds short tables", () => {
    const sizes = reachable(programOf(schedule).outputs.map(({ node }) => node)).map(({ shape }) => shape[0] ?? 1);
    expect(Math.max(...sizes)).toBeLessThan(33_000);
    expect(cost(programOf(schedule)).flops).toBeLessThan(100);
  });
});

test("a schedule that fits a table is one: each factor is rounded once", () => {
  const sizes = reachable(programOf({ kind: "cosine", over: 9000, to: 0, warmup: 0 }).outputs.map(({ node }) => node));
  expect(Math.max(...sizes.map(({ shape }) => shape[0] ?? 1))).toBe(9001);
});
