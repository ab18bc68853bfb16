/** The engines of this build: which are usable here, and how to make one. */
import { type Availability, type Engine, EngineError, type EngineOptions } from "./engine.js";
import { engineThreads } from "./environment.js";
import { probeApart } from "./probe-apart.js";

/** In the order in which they are listed. */
export const engineNames = ["onnx", "tensorflow", "reference"] as const;
export type EngineName = (typeof engineNames)[number];

export const isEngineName = (name: string): name is EngineName => engineNames.some((known) => known === name);

/** Those that can have a GPU; the others compute on the processor alone. */
export const gpuEngines: ReadonlySet<EngineName> = new Set(["onnx", "tensorflow"]);

export interface EngineReport {
  readonly name: EngineName;
  readonly availability: Availability;
}

/** What an engine can do here. Native code is tried in a process of its own: this one survives what becomes of it. */
export async function probeEngine(name: EngineName, projectDir: string): Promise<Availability> {
  switch (name) {
    case "onnx":
      return await probeApart();
    case "tensorflow":
      return await (await import("./tensorflow/probe.js")).probeTensorflow(projectDir);
    case "reference":
      return (await import("./reference/engine.js")).probeReference();
  }
}

export async function probeEngines(projectDir: string): Promise<EngineReport[]> {
  return await Promise.all(
    engineNames.map(async (name) => ({ name, availability: await probeEngine(name, projectDir) })),
  );
}

/** Why an engine cannot run here, and the command that fixes it. */
export type Missing = Pick<Extract<Availability, { available: false }>, "why" | "fix">;

/** Whether an engine's files are missing. Loads nothing of it: whether it works, only a probe or its use can tell. */
export async function missingEngine(name: EngineName, projectDir: string): Promise<Missing | undefined> {
  switch (name) {
    case "onnx": {
      const { obtainCommand, onnxRuntimeInstalled } = await import("./onnx/obtain.js");
      if (onnxRuntimeInstalled()) return undefined;
      return { why: "ONNX Runtime is not installed", fix: obtainCommand };
    }
    case "tensorflow": {
      const { findTensorflow } = await import("./tensorflow/locate.js");
      if (findTensorflow(projectDir) !== undefined) return undefined;
      return { why: "TensorFlow is not installed", fix: "fslc engines install tensorflow" };
    }
    case "reference":
      return undefined;
  }
}

/**
 * Loads an engine's native library into this process: for workers, whose environment `engineEnvironment` has made. Only one
 * native engine fits into a process.
 * @throws EngineError where the engine cannot be used on this machine or has no such device.
 */
export async function createEngine(
  name: EngineName,
  options: EngineOptions,
  projectDir: string = process.cwd(),
): Promise<Engine> {
  const missing = await missingEngine(name, projectDir);
  if (missing !== undefined) throw new EngineError("internal", `${missing.why}; to fix it: ${missing.fix}`);
  switch (name) {
    case "onnx": {
      const { OnnxEngine } = await import("./onnx/engine.js");
      return new OnnxEngine(options);
    }
    case "tensorflow": {
      const [{ TensorflowEngine }, { findTensorflow }] = await Promise.all([
        import("./tensorflow/engine.js"),
        import("./tensorflow/locate.js"),
      ]);
      const addon = findTensorflow(projectDir)?.addon ?? "";
      return new TensorflowEngine({ ...options, addon, threads: engineThreads(name, options.threads) });
    }
    case "reference": {
      const { ReferenceEngine } = await import("./reference/engine.js");
      return new ReferenceEngine(options);
    }
  }
}
