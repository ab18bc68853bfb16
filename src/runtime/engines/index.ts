/** The engines of this build: which are usable here, and how to make one. */
import { type Availability, type Engine, EngineError, type EngineOptions } from "./engine.js";

export const ENGINE_NAMES = ["onnx", "reference"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Devices that an engine can have; a probe says which are here. */
export const ENGINE_DEVICES: Readonly<Record<EngineName, readonly string[]>> = { onnx: ["cpu"], reference: ["cpu"] };

export interface EngineReport {
  readonly name: EngineName;
  readonly availability: Availability;
}

export async function probeEngines(): Promise<EngineReport[]> {
  const { probeOnnx } = await import("./onnx/probe.js");
  const { probeReference } = await import("./reference/engine.js");
  return [
    { name: "onnx", availability: await probeOnnx() },
    { name: "reference", availability: probeReference() },
  ];
}

/** @throws EngineError where the engine cannot be used on this machine or has no such device. */
export async function createEngine(name: EngineName, options: EngineOptions): Promise<Engine> {
  if (name === "reference") {
    const { ReferenceEngine } = await import("./reference/engine.js");
    return new ReferenceEngine(options);
  }
  const { probeOnnx } = await import("./onnx/probe.js");
  const availability = await probeOnnx();
  if (!availability.available)
    throw new EngineError("internal", `${availability.why}; to mend it: ${availability.mend}`);
  const { OnnxEngine } = await import("./onnx/engine.js");
  return new OnnxEngine(options);
}
