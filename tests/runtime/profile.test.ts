/** The profile of a stage: phases within each other, kernels of every engine, and the sums of both. */
import { describe, expect, test as runsHere, test } from "vitest";
import type { Node, Program } from "../../src/compiler/tensor/ir.js";
import type { HostTensor, MeasuredKernel } from "../../src/runtime/engines/engine.js";
import { ProfiledEngine } from "../../src/runtime/profile/engine.js";
import { ProgramRecord, Recorder } from "../../src/runtime/profile/recorder.js";
import { fastestNode, summarize } from "../../src/runtime/profile/summary.js";
import { chromeTrace, recordedEvents } from "../../src/runtime/profile/trace.js";
import { engines, titleOf } from "../engines/support.js";
import { freshOps } from "../tensor/support.js";

const span = { file: "net.fsl", start: 7, end: 11 };

/** A convolution of 2 images [3, 8, 8] with 4 filters. Each result element takes 2 · 27 operations. */
function convolution(): { readonly program: Program; readonly conv: Node; readonly flops: number } {
  const o = freshOps();
  const [x, filters] = [o.input("x", [2, 3, 8, 8]), o.input("filters", [4, 3, 3, 3])];
  const attrs = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 } as const;
  const conv = o.graph.at(span, () => o.conv2d(x, filters, attrs));
  const program: Program = {
    name: "net",
    inputs: [
      { name: "x", node: x, role: "feed" },
      { name: "filters", node: filters, role: "weight" },
    ],
    outputs: [{ name: "y", node: conv, role: "host" }],
  };
  return { program, conv, flops: 2 * 4 * 8 * 8 * 54 };
}
const filled = (shape: readonly number[]): HostTensor => ({
  shape,
  dtype: "f32",
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5),
});

test("the time of a phase is without that of the phases in it, also of one that fails", async () => {
  const recorder = new Recorder();
  const busy = (ms: number): void => {
    for (const end = performance.now() + ms; performance.now() < end; );
  };
  await recorder.time("outer", async () => {
    busy(2);
    await recorder.time("inner", async () => busy(4));
    await recorder.time("inner", () => Promise.reject(new Error("no"))).catch(() => undefined);
  });
  const [inner, outer] = [recorder.phases.get("inner"), recorder.phases.get("outer")];
  expect([inner?.calls, outer?.calls]).toEqual([2, 1]);
  const whole = recorder.stretches.find(({ name }) => name === "outer")?.duration ?? 0;
  expect((inner?.seconds ?? 0) + (outer?.seconds ?? 0)).toBeCloseTo(whole / 1000, 9);
  expect(inner?.seconds).toBeGreaterThanOrEqual(0.004);
  expect(outer?.seconds).toBeGreaterThanOrEqual(0.002);
});

describe.each([engines.onnx, engines.onednn, engines.tensorflow].map((it) => [titleOf(it), it] as const))(
  "%s",
  (_, { missing, make }) => {
    runsHere.skipIf(missing !== undefined)("reports the kernels of each run with the nodes they compute", async () => {
      const engine = make();
      const { program } = convolution();
      const kernels: MeasuredKernel[] = [];
      const executable = await engine.compile(program, {}, (kernel) => kernels.push(kernel));
      const args = { x: filled([2, 3, 8, 8]), filters: engine.upload(filled([4, 3, 3, 3])) };
      for (let run = 0; run < 3; run++) await executable.run(args);
      await executable.dispose();
      await engine.dispose();
      const convs = kernels.filter(({ node }) => node?.op === "conv2d");
      expect([...new Set(convs.map(({ run }) => run))]).toEqual([0, 1, 2]);
      expect(convs.every(({ node, start, duration }) => node?.span === span && start >= 0 && duration > 0)).toBe(true);
    });
  },
);

test("a profiled engine measures the first runs, and gives the same results before and after", async () => {
  const recorder = new Recorder();
  const engine = new ProfiledEngine(engines.onnx.make(), recorder);
  const { program, flops } = convolution();
  const executable = await engine.compile(program);
  const args = { x: filled([2, 3, 8, 8]), filters: engine.upload(filled([4, 3, 3, 3])) };
  const runs = 25;
  const results: unknown[] = [];
  for (let run = 0; run < runs; run++) results.push((await executable.run(args)).host.y?.data);
  await executable.dispose();
  await engine.dispose();
  for (const result of results) expect(result).toEqual(results[0]);
  expect(recorder.programs).toMatchObject([{ name: "net", runs, measuredStarts: { length: 21 } }]);
  expect(recorder.phases.get("run net")?.calls).toBe(runs);
  const { kernels } = summarize(recorder, 1);
  const conv = kernels.find(({ op }) => op === "conv2d");
  expect(conv).toMatchObject({ span, flops: flops * runs });
  expect(conv?.calls).toBeCloseTo(runs, 6);
  const trace = JSON.parse(
    chromeTrace([{ name: "proto", events: recordedEvents(recorder) }], ({ file }) => `${file}:1`),
  );
  expect(trace.traceEvents[0]).toMatchObject({ ph: "M", args: { name: "proto" } });
  expect(trace.traceEvents).toContainEqual(
    expect.objectContaining({
      ph: "X",
      cat: "kernel",
      name: "Conv",
      args: expect.objectContaining({ place: "net.fsl:1" }),
    }),
  );
});

test("measured runs stand for the others, without the first one, and each node's operations count once", () => {
  const recorder = new Recorder();
  const record = new ProgramRecord("net");
  recorder.programs.push(record);
  Object.assign(record, { runs: 10, seconds: 0.1 });
  const { conv, flops } = convolution();
  for (const [run, first] of [100, 2, 4].entries()) {
    record.measuredStarts.push(run);
    record.kernels.push({ kernel: "Conv", node: conv, run, start: 0, duration: first });
    record.kernels.push({ kernel: "Add", node: conv, run, start: first, duration: 1 });
  }
  const { kernels, phases } = summarize(recorder, 0.5);
  expect(kernels.map(({ kernel, calls, seconds }) => [kernel, calls, Math.round(seconds * 1e6)])).toEqual([
    ["between kernels", 10, 60_000],
    ["Conv", 10, 30_000],
    ["Add", 10, 10_000],
  ]);
  expect(kernels.map((kernel) => kernel.flops)).toEqual([0, flops * 10, 0]);
  expect(phases).toEqual([{ phase: "the rest", calls: 1, seconds: 0.5 }]);
  expect(fastestNode(recorder)).toBeCloseTo(flops / 0.003, 3);
});
