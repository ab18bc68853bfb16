/** Tests which engine and device a run takes: those that were requested, or with `auto` the best of the machine. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DiagnosticError } from "../../src/compiler/diagnostics/diagnostic.js";
import type { Adapter, Availability, EngineNote } from "../../src/runtime/engines/engine.js";
import { engineEnvironment, engineThreads } from "../../src/runtime/engines/environment.js";
import type { EngineReport } from "../../src/runtime/engines/index.js";
import { findOnednn } from "../../src/runtime/engines/onednn/locate.js";
import { adapterOf } from "../../src/runtime/engines/onnx/webgpu/probe.js";
import { autoChoice, chooseBest, chooseEngine, requestProblem } from "../../src/runtime/engines/select.js";
import { fasterEngine } from "../../src/runtime/engines/speeds/faster.js";
import { cpuSpeed, cpuSpeeds, keptSpeeds, type Measured, speedsFile } from "../../src/runtime/engines/speeds/speeds.js";
import { stepVersion } from "../../src/runtime/engines/speeds/step.js";
import { createFileCompiler } from "../../src/runtime/host/compile-file.js";
import { hasLongNorms } from "../../src/runtime/run/long-norms.js";
import { instructionSets } from "../../src/runtime/system/instructions.js";

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
    expect(chooseBest(machine(integrated), {}, "linux")).toMatchObject({
      device: "cpu",
      why: expect.stringContaining("Iris Xe shares the CPU's memory"),
    });
    expect(chooseBest(machine(integrated), {}, "darwin")).toMatchObject({ device: "gpu:0" });
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

  test("on the CPU takes the engine whose trial step was the fastest, and says how much faster it is", () => {
    const onednn: EngineReport = { name: "onednn", availability: has(["cpu"]) };
    const reports = [...machine(has(["cpu"]), has(["cpu"])), onednn];
    const speeds = new Map([["onednn", 0.02] as const, ["onnx", 0.03] as const, ["tensorflow", 0.01] as const]);
    const choice = chooseBest(reports, { speeds });
    expect(choice).toMatchObject({ name: "tensorflow", device: "cpu" });
    expect(choice.why).toContain(
      "a trial step took 10 ms on this machine, 2.0 times as fast as `onednn` and 3.0 times as fast as `onnx`",
    );
    speeds.delete("tensorflow");
    expect(chooseBest(reports, { speeds })).toMatchObject({ name: "onednn" });
    const longNorms = chooseBest(reports, { speeds, longNorms: true });
    expect(longNorms).toMatchObject({ name: "onnx", why: expect.not.stringContaining("onednn`") });
    expect(chooseBest([onednn], { longNorms: true })).toMatchObject({ name: "onednn" });
    expect(chooseBest([...machine(onnxGpu), onednn], { speeds })).toMatchObject({ name: "onnx", device: "gpu:0" });
  });

  test("measures each engine once and keeps it; one that fails the trial, and a damaged file, are measured again", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fslc-speeds-"));
    const before = process.env["FSLC_ENGINES"];
    process.env["FSLC_ENGINES"] = folder;
    try {
      const measured: string[] = [];
      let others = 0;
      const measure = async (name: string): Promise<Measured | undefined> => {
        measured.push(name);
        return name === "tensorflow" ? undefined : { seconds: 0.5, others };
      };
      const reports = machine(has(["cpu"]), has(["cpu"]));
      expect([...(await cpuSpeeds(reports, 2, measure))]).toEqual([["onnx", 0.5]]);
      await cpuSpeeds(reports, 2, measure);
      expect(measured).toEqual(["onnx", "tensorflow", "tensorflow"]);
      await cpuSpeeds(reports, 1, measure);
      writeFileSync(speedsFile(), "{");
      await cpuSpeeds(reports, 1, measure);
      expect(measured.filter((name) => name === "onnx")).toHaveLength(3);
      await cpuSpeeds(machine(has(["cpu"])), 3, measure);
      // The speed of one engine is kept beside those.
      const one = (threads: number) => cpuSpeed("onnx", threads, measure, async () => has(["cpu"]));
      expect([await one(7), await one(7), await cpuSpeed("reference", 7, measure)]).toEqual([0.5, 0.5, undefined]);
      expect(measured.filter((name) => name === "onnx")).toHaveLength(4);
      others = 0.5;
      const kept = readFileSync(speedsFile(), "utf8");
      expect((await cpuSpeeds(reports, 4, measure)).size).toBe(0);
      expect(readFileSync(speedsFile(), "utf8")).toBe(kept);
      expect(measured.filter((name) => name === "onnx")).toHaveLength(5);
    } finally {
      if (before === undefined) delete process.env["FSLC_ENGINES"];
      else process.env["FSLC_ENGINES"] = before;
      rmSync(folder, { recursive: true });
    }
  });

  test("finds trainings whose norms are over too many pixels, by the images that are normalized together", () => {
    const folder = mkdtempSync(join(tmpdir(), "fslc-norms-"));
    const file = join(folder, "net.fsl");
    const long = (queries: number): boolean => {
      const text = `fsl 1
import { folder } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
dataset images = folder(root: "images") {
  train resize(84), center_crop(84), normalize
  eval resize(84), center_crop(84), normalize
}
backbone net { conv(3, 8), batch_norm, relu, max_pool(2), batch_norm, flatten as vector }
meta proto {
  encoder net
  metric prototypes
  episodes task from images.train
  optimizer sgd(lr: 0.1)
  for 1 epoch of 4 episodes, 2 episodes per step
}
episode task = 5 way, 1 shot, ${queries} query
`;
      const { experiment } = createFileCompiler()(file, text);
      if (experiment === undefined) throw new Error("no experiment");
      return hasLongNorms([experiment]);
    };
    // 145 and 150 images of 84 × 84 pixels are on both sides of 2²⁰ pixels.
    expect([long(28), long(29)]).toEqual([false, true]);
    rmSync(folder, { recursive: true });
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
    expect(chooseBest(machine(integrated), { device: "gpu" })).toMatchObject({
      name: "onnx",
      device: "gpu:0",
      adapter: "Iris Xe",
    });
    expect(chooseBest(machine(integrated, cuda), { device: "gpu:1" })).toMatchObject({
      name: "tensorflow",
      device: "gpu:1",
    });
    expect(chooseBest(machine(onnxGpu, cuda), { device: "cpu" })).toMatchObject({ name: "onnx", device: "cpu" });
    const refused = refusal(() => chooseBest(machine(onnxGpu, cuda), { device: "gpu:7" }));
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

test("only one engine computes with bf16, and only on some processors", async () => {
  for (const engine of ["onednn", "auto"]) expect(requestProblem({ engine, precision: "bf16" })).toBeUndefined();
  expect(requestProblem({ precision: "f32" })).toBeUndefined();
  expect(requestProblem({ engine: "onednn", precision: "f16" })).toMatchObject({ code: "FSL7042" });
  for (const engine of [undefined, "onnx", "tensorflow", "reference"])
    expect(requestProblem({ ...(engine === undefined ? {} : { engine }), precision: "bf16" })).toMatchObject({
      code: "FSL7010",
      help: ["`--engine onednn --precision bf16`"],
    });
  const chosen = chooseEngine({ engine: "onednn", precision: "bf16" });
  if (!instructionSets().includes("avx512_bf16"))
    await expect(chosen).rejects.toMatchObject({ diagnostic: { code: "FSL7010" } });
  else if (findOnednn() === undefined) await expect(chosen).rejects.toMatchObject({ diagnostic: { code: "FSL7001" } });
  else expect(await chosen).toEqual({ name: "onednn", device: "cpu", precision: "bf16" });
});

test("auto finds what is on this machine, and says why", async () => {
  const why = expect.stringMatching(/^a trial step took \d+ ms|was measured|default/);
  expect(await chooseEngine({ engine: "auto", device: "cpu" })).toMatchObject({ device: "cpu", why });
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

describe("a word about a faster engine", () => {
  const used = { engine: "onnx", device: "cpu", threads: 2 };
  const known = {
    installed: true,
    installable: true,
    speeds: new Map([["onnx", 0.03] as const, ["onednn", 0.01] as const]),
  };

  test("says how much faster a trial step was, how to install the engine, or how to measure", () => {
    expect(fasterEngine(used, known)).toContain("3.0 times as fast");
    expect(fasterEngine(used, { ...known, installed: false })).toContain("`fslc engines install onednn`");
    expect(fasterEngine(used, { ...known, speeds: new Map() })).toContain("`--engine auto`");
  });

  test("is silent where none is known to be faster", () => {
    expect(fasterEngine({ ...used, engine: "onednn" }, known)).toBeUndefined();
    expect(fasterEngine({ ...used, device: "gpu:0" }, known)).toBeUndefined();
    expect(fasterEngine(used, { ...known, installed: false, installable: false })).toBeUndefined();
    expect(
      fasterEngine(used, { ...known, speeds: new Map([["onnx", 0.01] as const, ["onednn", 0.01] as const]) }),
    ).toBeUndefined();
  });

  test("takes the times of any version that are kept for this number of threads", () => {
    const folder = mkdtempSync(join(tmpdir(), "fslc-speeds-"));
    const before = process.env["FSLC_ENGINES"];
    process.env["FSLC_ENGINES"] = folder;
    try {
      const key = (name: string, version: string, threads: number): string =>
        `${name}, ${version}, ${threads} threads, ${cpus()[0]?.model ?? process.arch}, step ${stepVersion}`;
      const kept = { [key("onnx", "1.2", 2)]: 0.3, [key("onednn", "3.2", 2)]: 0.2, [key("onnx", "1.2", 8)]: 0.1 };
      writeFileSync(join(folder, "speeds.json"), JSON.stringify(kept));
      expect([...keptSpeeds(2)]).toEqual([
        ["onnx", 0.3],
        ["onednn", 0.2],
      ]);
    } finally {
      if (before === undefined) delete process.env["FSLC_ENGINES"];
      else process.env["FSLC_ENGINES"] = before;
      rmSync(folder, { recursive: true });
    }
  });
});
