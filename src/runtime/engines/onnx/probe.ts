/** Is ONNX Runtime usable here, and if not, what mends it. */
import type { Availability } from "../engine.js";
import { OBTAIN_COMMAND, onnxRuntimeInstalled } from "./obtain.js";

export async function probeOnnx(): Promise<Availability> {
  if (!onnxRuntimeInstalled()) {
    return { available: false, why: "the package onnxruntime-node is not installed", mend: OBTAIN_COMMAND };
  }
  try {
    const ort = await import("onnxruntime-node");
    const devices = ort
      .listSupportedBackends()
      .filter((backend) => backend.name === "cpu")
      .map((backend) => backend.name);
    return { available: true, version: ort.env.versions.node ?? ort.env.versions.common, devices };
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
