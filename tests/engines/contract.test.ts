/** Tests the engine contract on every engine. */
import { describe, expect, test as runsHere, test } from "vitest";
import type { Program } from "../../src/compiler/tensor/ir.js";
import { EngineError, type Handle, type HostTensor } from "../../src/runtime/engines/engine.js";
import { engineNames, probeEngines } from "../../src/runtime/engines/index.js";
import { engineError } from "../../src/runtime/engines/onnx/errors.js";
import { freshOps } from "../tensor/support.js";
import { engines, titleOf } from "./support.js";
import { webgpu } from "./webgpu.js";

const vector = (...data: number[]): HostTensor => ({
  shape: [data.length],
  dtype: "f32",
  data: Float32Array.from(data),
});

/** The program computes total ← total + rate·x and count ← count + 1, and returns the sum of the new total to the host. */
function accumulator(): Program {
  const o = freshOps();
  const [total, x, rate] = [o.input("total", [3]), o.input("x", [3]), o.input("rate", [3])];
  const count = o.input("count", [], "i32");
  const after = o.add(total, o.mul(rate, x));
  return {
    name: "accumulate",
    inputs: [
      { name: "total", node: total, role: "state", next: "after" },
      { name: "count", node: count, role: "state", next: "counted" },
      { name: "x", node: x, role: "feed" },
      { name: "rate", node: rate, role: "weight" },
    ],
    outputs: [
      { name: "after", node: after, role: "state" },
      { name: "counted", node: o.add(count, 1), role: "state" },
      { name: "sum", node: o.sum(after), role: "host" },
    ],
  };
}
const zero: HostTensor = { shape: [], dtype: "i32", data: Int32Array.of(0) };

test("an engine is usable here and says what it is, or why not and what fixes it", async () => {
  const reports = await probeEngines();
  expect(reports.map(({ name }) => name)).toEqual(engineNames);
  for (const { name, availability } of reports) {
    if (engines[name].missing === undefined) {
      expect(availability).toMatchObject({ available: true, devices: expect.arrayContaining(["cpu"]) });
    } else {
      expect(availability).toMatchObject({ available: false, why: expect.anything(), fix: expect.anything() });
    }
  }
});

describe.each([...Object.values(engines), webgpu].map((candidate) => [titleOf(candidate), candidate] as const))(
  "%s",
  (_, candidate) => {
    const { name, device, missing, make } = candidate;
    const test = runsHere.skipIf(missing !== undefined);

    test("states go from run to run, and their old handles are dead", async () => {
      const engine = make();
      const executable = await engine.compile(accumulator());
      let state: Record<string, Handle> = { total: engine.upload(vector(0, 0, 0)), count: engine.upload(zero) };
      const rate = engine.upload(vector(1, 10, 100));
      for (let step = 1; step <= 5; step++) {
        const before = state;
        const { device, host } = await executable.run({ ...state, rate, x: vector(1, 1, step) });
        expect(host.sum?.data[0]).toBe(step + 10 * step + (100 * step * (step + 1)) / 2);
        state = { ...device };
        await expect(engine.download(before.total as Handle)).rejects.toThrow(EngineError);
        await expect(executable.run({ ...before, rate, x: vector(0, 0, 0) })).rejects.toThrow(EngineError);
      }
      expect(Array.from((await engine.download(state.total as Handle)).data)).toEqual([5, 50, 1500]);
      expect((await engine.download(state.count as Handle)).data[0]).toBe(5);
      // Weights stay valid after runs, and a downloaded tensor is a copy.
      expect(Array.from((await engine.download(rate)).data)).toEqual([1, 10, 100]);
      await engine.dispose();
    });

    test("device outputs stay there, for other programs and under their own names", async () => {
      const engine = make();
      const o = freshOps();
      const x = o.input("x", [3]);
      const first = await engine.compile({
        name: "first",
        inputs: [{ name: "x", node: x, role: "feed" }],
        outputs: [{ name: "square", node: o.square(x), role: "device" }],
      });
      const p = freshOps();
      const [square, sum] = [p.input("square", [3]), p.input("sum", [3])];
      const second = await engine.compile({
        name: "second",
        inputs: [
          { name: "square", node: square, role: "weight" },
          { name: "sum", node: sum, role: "state", next: "added" },
        ],
        outputs: [
          { name: "added", node: p.add(sum, square), role: "state" },
          { name: "doubled", node: p.mul(square, 2), role: "device" },
        ],
      });
      let sums: Handle = engine.upload(vector(0, 0, 0));
      for (const k of [1, 2, 3]) {
        const { device } = await first.run({ x: vector(k, 2 * k, 3 * k) });
        expect(Object.keys(device)).toEqual(["square"]);
        const { device: after } = await second.run({ square: device.square as Handle, sum: sums });
        expect(Object.keys(after).sort()).toEqual(["doubled", "sum"]);
        expect(Array.from((await engine.download(after.doubled as Handle)).data)).toEqual(
          [2, 8, 18].map((v) => v * k * k),
        );
        sums = after.sum as Handle;
        // A freed buffer may be reused, but a live one must not.
        engine.free(device.square as Handle);
        engine.free(after.doubled as Handle);
      }
      expect(Array.from((await engine.download(sums)).data)).toEqual([14, 56, 126]);
      await engine.dispose();
    });

    test("two lines of state through one executable do not write into each other", async () => {
      const engine = make();
      const executable = await engine.compile(accumulator());
      const rate = engine.upload(vector(1, 1, 1));
      const fresh = (start: number) => ({
        total: engine.upload(vector(start, start, start)),
        count: engine.upload(zero),
      });
      let [a, b]: Record<string, Handle>[] = [fresh(0), fresh(100)];
      for (let step = 0; step < 3; step++) {
        a = (await executable.run({ ...a, rate, x: vector(1, 2, 3) })).device as Record<string, Handle>;
        b = (await executable.run({ ...b, rate, x: vector(1, 1, 1) })).device as Record<string, Handle>;
      }
      expect(Array.from((await engine.download(a?.total as Handle)).data)).toEqual([3, 6, 9]);
      expect(Array.from((await engine.download(b?.total as Handle)).data)).toEqual([103, 103, 103]);
      await engine.dispose();
    });

    test("constants take no argument", async () => {
      const engine = make();
      const executable = await engine.compile(accumulator(), { rate: vector(2, 2, 2) });
      const args = { total: engine.upload(vector(1, 1, 1)), count: engine.upload(zero), x: vector(1, 2, 3) };
      expect((await executable.run(args)).host.sum?.data[0]).toBe(15);
      await executable.dispose();
      await engine.dispose();
    });

    test("what does not fit is refused, by name", async () => {
      const engine = make();
      const executable = await engine.compile(accumulator());
      const good = () => ({
        total: engine.upload(vector(0, 0, 0)),
        count: engine.upload(zero),
        rate: engine.upload(vector(1, 1, 1)),
        x: vector(1, 1, 1),
      });
      const { x: _, ...missing } = good();
      await expect(executable.run(missing)).rejects.toThrow(/"x"/);
      await expect(executable.run({ ...good(), x: vector(1, 2) })).rejects.toThrow(/f32\[3\]/);
      await expect(executable.run({ ...good(), total: vector(0, 0, 0) })).rejects.toThrow(/handle/);
      const other = make();
      await expect(executable.run({ ...good(), rate: other.upload(vector(1, 1, 1)) })).rejects.toThrow(
        /another engine/,
      );
      const freed = good();
      engine.free(freed.rate);
      await expect(executable.run(freed)).rejects.toThrow(EngineError);
      // A refused run consumes nothing.
      const args = good();
      await expect(executable.run({ ...args, x: vector(1) })).rejects.toThrow(EngineError);
      expect((await executable.run(args)).host.sum?.data[0]).toBe(3);
      await engine.dispose();
    });

    test("a device that the engine does not have is an error, not another device", async () => {
      expect(() => make({ device: "tpu" })).toThrow(expect.objectContaining({ kind: "unsupported-op" }));
    });

    test("numerics name what makes numbers differ", async () => {
      const engine = make();
      expect(engine.numerics).toMatchObject({
        engine: name,
        device,
        threads: 1,
        version: expect.stringMatching(/\d/),
      });
      await engine.dispose();
    });
  },
);

test("ONNX Runtime's messages become kinds", () => {
  const kindOf = (message: string) => engineError(new Error(message), "running").kind;
  expect(kindOf("Failed to allocate memory for requested buffer of size 4096")).toBe("out-of-memory");
  expect(kindOf("std::bad_alloc")).toBe("out-of-memory");
  expect(kindOf("NOT_IMPLEMENTED : Could not find an implementation for Foo(21)")).toBe("unsupported-op");
  expect(kindOf("WebGPU device lost")).toBe("device-lost");
  expect(kindOf("vkQueueSubmit failed with VK_ERROR_DEVICE_LOST")).toBe("device-lost");
  expect(kindOf("vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY")).toBe("out-of-memory");
  expect(kindOf("WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.")).toBe(
    "out-of-memory",
  );
  expect(kindOf("nodes are assigned to the default CPU EP, but fallback to CPU EP has been explicitly disabled")).toBe(
    "unsupported-op",
  );
  expect(kindOf("Too many storage buffers in shader. Current: 15, Max is 12")).toBe("out-of-memory");
  expect(kindOf("something else")).toBe("internal");
});

test("ONNX Runtime's messages are told without its sources and signatures", () => {
  const text =
    "Non-zero status code returned while running Conv node. Name:'Conv_4792' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:360 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 4915200\n";
  expect(engineError(new Error(text), "running wide").message.trim()).toBe(
    "onnxruntime, running wide: Conv: Failed to allocate memory for requested buffer of size 4915200",
  );
  expect(engineError(new Error("bad (model) here"), "building wide").message).toBe(
    "onnxruntime, building wide: bad (model) here",
  );
});
