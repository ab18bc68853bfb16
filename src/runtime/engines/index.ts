/** The engines of this build: it probes which ones can be used on this machine, and creates them. */
import { type Availability, type Engine, EngineError, type EngineOptions, type Unavailability } from "./engine.js";
import { engineThreads } from "./environment.js";
import { probeOnnxInChild } from "./onnx/probe-process.js";

/** The names of the engines, in the order in which they are listed. */
export const engineNames = ["onnx", "onednn", "tensorflow", "reference"] as const;
export type EngineName = (typeof engineNames)[number];

export const isEngineName = (name: string): name is EngineName => engineNames.some((known) => known === name);

/** The engines that can use a GPU. The others compute on the CPU only. */
export const gpuEngines: ReadonlySet<EngineName> = new Set(["onnx", "tensorflow"]);

/** The only engine that computes with `--precision bf16`. */
export const roundingEngine = "onednn" satisfies EngineName;

export interface EngineReport {
  readonly name: EngineName;
  readonly availability: Availability;
}

/** Returns what an engine can do on this machine. Native code is tried in a child process, so that this process survives a crash. */
export async function probeEngine(name: EngineName): Promise<Availability> {
  switch (name) {
    case "onnx":
      return await probeOnnxInChild();
    case "onednn":
      return await (await import("./onednn/probe.js")).probeOnednn();
    case "tensorflow":
      return await (await import("./tensorflow/probe.js")).probeTensorflow();
    case "reference":
      return (await import("./reference/engine.js")).probeReference();
  }
}

export async function probeEngines(): Promise<EngineReport[]> {
  return await Promise.all(engineNames.map(async (name) => ({ name, availability: await probeEngine(name) })));
}

/**
 * Returns how to install an engine whose files are missing, or undefined if they are there. It loads nothing of the engine:
 * only a probe tells whether it works.
 */
export async function missingEngine(name: EngineName): Promise<Unavailability | undefined> {
  switch (name) {
    case "onnx": {
      const { obtainCommand, onnxRuntimeInstalled } = await import("./onnx/obtain.js");
      if (onnxRuntimeInstalled()) return undefined;
      return { why: "ONNX Runtime is not installed", fix: obtainCommand };
    }
    case "onednn": {
      const [{ findOnednn }, { notInstalled }] = await Promise.all([
        import("./onednn/locate.js"),
        import("./onednn/probe.js"),
      ]);
      return findOnednn() === undefined ? notInstalled : undefined;
    }
    case "tensorflow": {
      const { findTensorflow, missingTensorflow } = await import("./tensorflow/locate.js");
      return findTensorflow() === undefined ? missingTensorflow() : undefined;
    }
    case "reference":
      return undefined;
  }
}

/**
 * Creates an engine, which loads its native library into this process. Workers call it, in the environment that
 * `engineEnvironment` prepared. A process can hold only one native engine.
 * @throws EngineError if the engine cannot be used on this machine or has no such device.
 */
export async function createEngine(name: EngineName, options: EngineOptions): Promise<Engine> {
  const missing = await missingEngine(name);
  if (missing !== undefined) throw new EngineError("internal", `${missing.why}; to fix it: ${missing.fix}`);
  if (options.precision !== undefined && name !== roundingEngine)
    throw new EngineError("unsupported-op", `the engine ${name} does not compute with ${options.precision}`);
  switch (name) {
    case "onnx": {
      const { OnnxEngine } = await import("./onnx/engine.js");
      return new OnnxEngine(options);
    }
    case "onednn": {
      const [{ OnednnEngine }, { findOnednn }] = await Promise.all([
        import("./onednn/engine.js"),
        import("./onednn/locate.js"),
      ]);
      const location = findOnednn() ?? { library: "", koffi: "" };
      return new OnednnEngine({ ...options, location, threads: engineThreads(name, options.threads) });
    }
    case "tensorflow": {
      const [{ TensorflowEngine }, { findTensorflow }] = await Promise.all([
        import("./tensorflow/engine.js"),
        import("./tensorflow/locate.js"),
      ]);
      const addon = findTensorflow()?.addon ?? "";
      return new TensorflowEngine({ ...options, addon, threads: engineThreads(name, options.threads) });
    }
    case "reference": {
      const { ReferenceEngine } = await import("./reference/engine.js");
      return new ReferenceEngine(options);
    }
  }
}
