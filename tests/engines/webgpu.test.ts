/** Tests what the WebGPU provider reports and which memory it holds. */
import { afterAll, beforeAll, describe, expect, test as runsHere } from "vitest";
import type { Engine, Handle, HostTensor } from "../../src/runtime/engines/engine.js";
import { freshOps, programOf } from "../tensor/support.js";
import { titleOf } from "./support.js";
import { webgpu } from "./webgpu.js";

const test = runsHere.skipIf(webgpu.missing !== undefined);

describe(titleOf(webgpu), () => {
  let engine: Engine;
  beforeAll(() => {
    if (webgpu.missing === undefined) engine = webgpu.make();
  });
  afterAll(() => engine?.dispose());

  test("a step that is not finite is told", async () => {
    const o = freshOps();
    const x = o.input("x", [4]);
    const finite = o.le(o.sum(o.square(x)), 3.4028234663852886e38);
    const executable = await engine.compile(programOf([finite], [x]));
    const told: unknown[] = [];
    for (const value of [1, Number.NaN, Number.POSITIVE_INFINITY, 1e30]) {
      const { host } = await executable.run({ x: { shape: [4], dtype: "f32", data: Float32Array.of(0, value, 2, 3) } });
      told.push(host["0"]?.data[0]);
    }
    expect(told).toEqual([1, 0, 0, 0]);
    await executable.dispose();
  });

  test("a thousand steps leave nothing behind, on the device or here", async () => {
    const own = webgpu.make();
    const shape = [64, 1024];
    const o = freshOps();
    const [total, x] = [o.input("total", shape), o.input("x", shape)];
    const after = o.add(total, x);
    const executable = await own.compile({
      name: "step",
      inputs: [
        { name: "total", node: total, role: "state", next: "after" },
        { name: "x", node: x, role: "feed" },
      ],
      outputs: [
        { name: "after", node: after, role: "state" },
        { name: "doubled", node: o.mul(after, 2), role: "device" },
        { name: "sum", node: o.sum(after), role: "host" },
      ],
    });
    const tensor = (fill: number): HostTensor => ({ shape, dtype: "f32", data: new Float32Array(65536).fill(fill) });
    let state: Handle = own.upload(tensor(0));
    const feed = tensor(1);
    let [early, late] = [0, 0];
    for (let step = 1; step <= 1000; step++) {
      const { device } = await executable.run({ total: state, x: feed });
      const { total: next, doubled } = device;
      if (next === undefined || doubled === undefined) throw new Error("outputs are missing");
      own.free(doubled);
      state = next;
      expect(own.held).toBe(1);
      if (step === 300) early = process.memoryUsage.rss();
      if (step === 1000) late = process.memoryUsage.rss();
    }
    expect((await own.download(state)).data[5]).toBe(1000);
    // If one of the four tensors of a step leaked at each step, that would be 184 MB.
    expect(late - early).toBeLessThan(90e6);
    await own.dispose();
    expect(own.held).toBe(0);
  }, 120_000);
});
