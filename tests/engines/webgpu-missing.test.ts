/** Tests the messages and the fixes on a machine without a GPU for WebGPU. */
import { afterEach, expect, test, vi } from "vitest";
import { DeviceBuffers } from "../../src/runtime/engines/onnx/device-buffers.js";
import { OnnxEngine } from "../../src/runtime/engines/onnx/engine.js";
import { engineError } from "../../src/runtime/engines/onnx/errors.js";
import { missingGpu } from "../../src/runtime/engines/onnx/webgpu/missing.js";
import { adapterOf, probeWebgpu } from "../../src/runtime/engines/onnx/webgpu/probe.js";

afterEach(() => vi.unstubAllEnvs());

test("a missing loader and a missing driver have fixes of their own", () => {
  const loader = "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file";
  expect(missingGpu(loader)).toMatchObject({
    why: expect.stringContaining("libvulkan"),
    fix: expect.stringContaining("apt install libvulkan1"),
  });
  const driver = "Failed to get a WebGPU adapter: No supported adapters";
  expect(missingGpu(driver, "linux")).toMatchObject({
    why: expect.stringContaining("driver"),
    fix: expect.stringContaining("mesa-vulkan-drivers"),
  });
  expect(missingGpu(driver, "win32")).toMatchObject({ why: expect.stringContaining("Direct3D") });
  expect(missingGpu("WebGPU device lost")).toBeUndefined();
  expect(engineError(new Error(driver), "building step").message).toMatch(/^building step: .*; to fix it: install /);
});

test.skipIf(process.platform !== "linux")("a machine without a driver: the probe says so", async () => {
  for (const name of ["VK_ICD_FILENAMES", "VK_DRIVER_FILES"]) vi.stubEnv(name, "/nonexistent.json");
  vi.stubEnv("VK_ADD_DRIVER_FILES", undefined);
  expect(await probeWebgpu()).toMatchObject({ found: false, missing: { fix: expect.stringContaining("libvulkan1") } });
});

test("only the first GPU can be had, and the refusal says why", () => {
  const make = (device: string) => () => new OnnxEngine({ device, threads: 1 });
  expect(make("gpu:1")).toThrow(/use only the first GPU .* use gpu/);
  expect(make("gpu:1")).toThrow(expect.objectContaining({ kind: "unsupported-op" }));
});

test("of several GPUs the loader's first is named, save one that the provider refuses", () => {
  const loader = (...names: string[]): string => {
    const list = (order: readonly string[]) => order.map((name, i) => `INFO:      [${i}] ${name}  `).join("\n");
    return `Original order:\n${list([...names].reverse())}\nSorted order:\n${list(names)}\nINFO: done`;
  };
  expect(adapterOf(loader("NVIDIA A10", "llvmpipe (LLVM 15.0.6)"), "linux")?.name).toBe("NVIDIA A10");
  expect(adapterOf(loader("llvmpipe (LLVM 15.0.6)", "SwiftShader Device"), "linux")?.name).toBe("SwiftShader Device");
  expect(adapterOf("", "linux")).toBeUndefined();
  expect(adapterOf("", "darwin", "Apple M2")).toEqual({ name: "Apple M2", kind: "integrated" });
});

test.skipIf(process.platform !== "linux")(
  "an engine that could not copy to a GPU is given up all the same",
  async () => {
    for (const name of ["VK_ICD_FILENAMES", "VK_DRIVER_FILES"]) vi.stubEnv(name, "/nonexistent.json");
    vi.stubEnv("VK_ADD_DRIVER_FILES", undefined);
    const buffers = new DeviceBuffers({});
    const kept = buffers.upload({ shape: [2], dtype: "f32", data: Float32Array.of(1, 2) });
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(buffers.argument(kept)).rejects.toThrow(/^copying to the device: .*; to fix it: install /);
    await buffers.dispose();
    expect(buffers.held).toBe(0);
  },
);
