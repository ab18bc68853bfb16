/** Is ONNX Runtime usable here, on which devices, and if not, what mends it. */
import type { Availability } from "../engine.js";
import { OBTAIN_COMMAND, onnxRuntimeInstalled } from "./obtain.js";
import { probeWebgpu } from "./webgpu/probe.js";

export async function probeOnnx(): Promise<Availability> {
  if (!onnxRuntimeInstalled()) {
    return { available: false, why: "the package onnxruntime-node is not installed", mend: OBTAIN_COMMAND };
  }
  try {
    const ort = await import("onnxruntime-node");
    const version = ort.env.versions.node ?? ort.env.versions.common;
    if (!ort.listSupportedBackends().some(({ name }) => name === "webgpu"))
      return { available: true, version, devices: ["cpu"], notes: ["this build has no WebGPU provider: no GPU"] };
    const gpu = await probeWebgpu();
    if (!gpu.found)
      return {
        available: true,
        version,
        devices: ["cpu"],
        notes: [`no GPU: ${gpu.missing.why}; mend: ${gpu.missing.mend}`],
      };
    const adapters = gpu.adapter === undefined ? {} : { adapters: { "gpu:0": gpu.adapter } };
    return { available: true, version, devices: ["cpu", "gpu:0"], ...adapters };
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split("\n")[0] ?? cause.message) : String(cause);
    const platform = `${process.platform}-${process.arch}`;
    return {
      available: false,
      why: `onnxruntime-node does not load on ${platform}: ${why}`,
      mend: "npm rebuild onnxruntime-node",
    };
  }
}
