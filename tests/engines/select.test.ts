/** Tests which engine and device a run takes: those that were requested, or with `auto` the best of the machine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DiagnosticError } from "../../src/compiler/diagnostics/diagnostic.js";
import type { Adapter, Availability, EngineNote } from "../../src/runtime/engines/engine.js";
import { engineEnvironment, engineThreads } from "../../src/runtime/engines/environment.js";
import type { EngineReport } from "../../src/runtime/engines/index.js";
import { findOnednn } from "../../src/runtime/engines/onednn/locate.js";
import { adapterOf } from "../../src/runtime/engines/onnx/webgpu/probe.js";
import { autoChoice, chooseBest, chooseEngine, requestProblem } from "../../src/runtime/engines/select.js";

const has = (devices: string[], adapters: Record<string, Adapter> = {}, notes: EngineNote[] = []): Availability => ({
  available: true,
  version: "1",
  devices,
  adapters,
  notes,
});
const missing: Availability = { available: false, why: "it is not installed", fix: "fslc engines install tensorflow" };
const gpu = (name: string, kind: Adapter["kind"] = "discrete"): Adapter => ({ name, kind });
const machine = (onnx: Availability, tensorflow: Availability = missing): EngineReport[] => [
  { name: "onnx", availability: onnx },
  { name: "tensorflow", availability: tensorflow },
  { name: "reference", availability: has(["cpu"]) },
];
const refusal = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostic;
    throw error;
  }
  throw new Error("not refused");
};

describe("auto", () => {
  const onnxGpu = has(["cpu", "gpu:0"], { "gpu:0": gpu("Radeon RX 7900") });
  const cuda = has(["cpu", "gpu:0", "gpu:1"], { "gpu:0": gpu("H100"), "gpu:1": gpu("A100") });

  test("takes CUDA before WebGPU, a GPU before the CPU, and on the CPU the default engine before another", () => {
    expect(chooseBest(machine(onnxGpu, cuda))).toMatchObject({ name: "tensorflow", device: "gpu:0", adapter: "H100" });
    expect(chooseBest(machine(onnxGpu))).toMatchObject({ name: "onnx", device: "gpu:0", adapter: "Radeon RX 7900" });
    expect(chooseBest(machine(has(["cpu"]), cuda))).toMatchObject({ name: "tensorflow", device: "gpu:0" });
    expect(chooseBest(machine(has(["cpu"]), has(["cpu"])))).toMatchObject({ name: "onnx", device: "cpu" });
    expect(chooseBest(machine(missing, has(["cpu"])))).toMatchObject({ name: "tensorflow", device: "cpu" });
  });

  test("does not take integrated GPUs, except Apple's, or drivers that emulate a GPU", () => {
    const integrated = has(["cpu", "gpu:0"], { "gpu:0": gpu("Iris Xe", "integrated") });
    expect(chooseBest(machine(integrated), undefined, "linux")).toMatchObject({
      device: "cpu",
      why: expect.stringContaining("Iris Xe shares the CPU's memory"),
    });
    expect(chooseBest(machine(integrated), undefined, "darwin")).toMatchObject({ device: "gpu:0" });
    const software = has(["cpu", "gpu:0"], { "gpu:0": gpu("SwiftShader", "software") });
    expect(chooseBest(machine(software))).toMatchObject({ device: "cpu", why: expect.stringContaining("SwiftShader") });
    expect(chooseBest(machine(has(["cpu", "gpu:0"])))).toMatchObject({ device: "gpu:0" });
  });

  test("takes oneDNN on the CPU if it is installed, and tells what was measured, but a GPU comes first", () => {
    const onednn: EngineReport = { name: "onednn", availability: has(["cpu"]) };
    const choice = chooseBest([...machine(has(["cpu"]), has(["cpu"])), onednn]);
    expect(choice).toMatchObject({ name: "onednn", device: "cpu", why: expect.stringContaining("processor time") });
    expect(chooseBest([...machine(onnxGpu), onednn])).toMatchObject({ name: "onnx", device: "gpu:0" });
  });

  test("gives the reason why it computes on the CPU", () => {
    const choice = chooseBest(
      machine(has(["cpu"], {}, [{ kind: "no-gpu", why: "libvulkan.so.1 is missing", fix: "apt install it" }])),
    );
    expect(choice.why).toContain("libvulkan.so.1 is missing");
    expect(choice.why).not.toContain("apt");
    expect(choice.why).toContain("tensorflow: it is not installed");
  });

  test("with a device takes an engine that has it, and no other device", () => {
    const integrated = has(["cpu", "gpu:0"], { "gpu:0": gpu("Iris Xe", "integrated") });
    expect(chooseBest(machine(integrated), "gpu")).toMatchObject({ name: "onnx", device: "gpu:0", adapter: "Iris Xe" });
    expect(chooseBest(machine(integrated, cuda), "gpu:1")).toMatchObject({ name: "tensorflow", device: "gpu:1" });
    expect(chooseBest(machine(onnxGpu, cuda), "cpu")).toMatchObject({ name: "onnx", device: "cpu" });
    const refused = refusal(() => chooseBest(machine(onnxGpu, cuda), "gpu:7"));
    expect(refused.code).toBe("FSL7008");
    expect(refused.help.join()).toContain("tensorflow has `cpu`, `gpu:0`, `gpu:1` on this machine");
  });

  test("never takes the interpreter: without an engine it is refused with every fix", () => {
    const refused = refusal(() => chooseBest(machine(missing, missing)));
    expect(refused).toMatchObject({ code: "FSL7001", message: expect.stringContaining("onnx: it is not installed") });
    expect(refused.help.join()).toContain("fslc engines install tensorflow");
    expect(autoChoice(machine(missing, missing))).toBeUndefined();
  });
});

test("names and devices that no machine has are refused without looking at this one", () => {
  expect(requestProblem({ engine: "onx" })).toMatchObject({ code: "FSL7002", help: ["did you mean `onnx`?"] });
  const onCpuOnly = { code: "FSL7008", help: ["reference computes on `cpu` only"] };
  for (const device of ["gpu", "gpu:1"])
    expect(requestProblem({ engine: "reference", device })).toMatchObject(onCpuOnly);
  for (const device of ["cuda", "cuda:0", "mps"])
    expect(requestProblem({ device })?.help).toEqual(["a GPU is called `gpu`, and a second one `gpu:1`"]);
  expect(requestProblem({ engine: "reference", device: "cuda" })).toMatchObject(onCpuOnly);
  expect(requestProblem({ device: "gpu1" })).toMatchObject({ code: "FSL7008" });
  for (const device of ["cpu", "gpu", "gpu:0", "gpu:12"]) expect(requestProblem({ device })).toBeUndefined();
  expect(requestProblem({ engine: "auto" })).toBeUndefined();
});

test("auto finds what is on this machine, and says why", async () => {
  const name = findOnednn() === undefined ? "onnx" : "onednn";
  expect(await chooseEngine({ engine: "auto" })).toMatchObject({ name, why: expect.anything() });
});

describe("on a machine without TensorFlow", () => {
  let dir = "";
  const before = process.env["FSLC_ENGINES"];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "fslc-select-"));
    process.env["FSLC_ENGINES"] = join(dir, "engines");
  });
  afterEach(() => {
    if (before === undefined) delete process.env["FSLC_ENGINES"];
    else process.env["FSLC_ENGINES"] = before;
    rmSync(dir, { recursive: true, force: true });
  });

  test("without options the choice is onnx on the CPU, and nothing is probed", async () => {
    expect(await chooseEngine({})).toEqual({ name: "onnx", device: "cpu" });
    expect(await chooseEngine({ engine: "reference" })).toEqual({ name: "reference", device: "cpu" });
  });

  test("TensorFlow that is not installed is refused with the command that installs it", async () => {
    const refused = await chooseEngine({ engine: "tensorflow" }).catch((error: DiagnosticError) => error.diagnostic);
    expect(refused).toMatchObject({
      code: "FSL7001",
      message: expect.stringContaining("not installed"),
      help: ["fslc engines install tensorflow"],
    });
  });
});

describe("the environment of a worker", () => {
  const on = (device: string, user: NodeJS.ProcessEnv = {}) =>
    engineEnvironment({ name: "tensorflow", device, threads: 3 }, user);

  test("gives TensorFlow its threads and one visible GPU", () => {
    expect(on("gpu:1")).toMatchObject({
      TF_NUM_INTRAOP_THREADS: "3",
      TF_FORCE_GPU_ALLOW_GROWTH: "true",
      CUDA_DEVICE_ORDER: "PCI_BUS_ID",
      CUDA_VISIBLE_DEVICES: "1",
    });
    expect(on("cpu")).toMatchObject({ CUDA_VISIBLE_DEVICES: "-1" });
    expect(engineEnvironment({ name: "reference", device: "cpu", threads: 3 }, {})).toEqual({});
  });

  test("leaves what the user has set, and counts GPUs among those that the user left visible", () => {
    const user = { TF_NUM_INTRAOP_THREADS: "7", CUDA_VISIBLE_DEVICES: "GPU-4f, 2" };
    expect(on("gpu:0", user)).not.toHaveProperty("TF_NUM_INTRAOP_THREADS");
    expect(on("gpu:0", user)).toMatchObject({ CUDA_VISIBLE_DEVICES: "GPU-4f" });
    expect(on("gpu:1", user)).toMatchObject({ CUDA_VISIBLE_DEVICES: "2" });
    expect(on("gpu:2", user)).toMatchObject({ CUDA_VISIBLE_DEVICES: "-1" });
    expect(on("cpu", user)).toMatchObject({ CUDA_VISIBLE_DEVICES: "-1" });
    expect(engineThreads("tensorflow", 3, user)).toBe(7);
    expect(engineThreads("onnx", 3, user)).toBe(3);
  });
});

test.each<[string, Adapter["kind"]]>([
  ["SwiftShader Device (Subzero)", "software"],
  ["llvmpipe (LLVM 15.0.6, 256 bits)", "software"],
  ["Intel(R) Iris(R) Xe Graphics (TGL GT2)", "integrated"],
  ["Intel(R) Arc(tm) Graphics (MTL)", "integrated"],
  ["Intel(R) Arc(tm) A770 Graphics (DG2)", "discrete"],
  ["AMD Radeon Graphics (RADV RENOIR)", "integrated"],
  ["AMD Radeon 780M (RADV PHOENIX)", "integrated"],
  ["AMD Radeon RX 7900 XTX (RADV NAVI31)", "discrete"],
  ["NVIDIA GeForce RTX 4060 Laptop GPU", "discrete"],
  ["A GPU of tomorrow", "unknown"],
])("the driver's name tells what kind of GPU it is: %s", (name, kind) => {
  expect(adapterOf(`INFO: Original order:\n         [0] ${name}\n`, "linux")).toEqual({ name, kind });
});
