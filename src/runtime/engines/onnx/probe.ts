/** Is ONNX Runtime usable here, on which devices, and if not, what fixes it. */
import type { Availability } from "../engine.js";
import { onnxRuntimeFolder } from "./locate.js";
import { obtainCommand, onnxRuntimeInstalled } from "./obtain.js";
import { probeWebgpu } from "./webgpu/probe.js";

export async function probeOnnx(): Promise<Availability> {
  if (!onnxRuntimeInstalled()) {
    return { available: false, why: "ONNX Runtime is not installed", fix: obtainCommand };
  }
  try {
    const ort = await import("./runtime.js");
    const version = ort.env.versions.node ?? ort.env.versions.common;
    if (!ort.listSupportedBackends().some(({ name }) => name === "webgpu"))
      return { available: true, version, devices: ["cpu"], notes: ["this build has no WebGPU provider: no GPU"] };
    const gpu = await probeWebgpu();
    if (!gpu.found)
      return {
        available: true,
        version,
        devices: ["cpu"],
        notes: [`no GPU: ${gpu.missing.why}; fix: ${gpu.missing.fix}`],
      };
    const adapters = gpu.adapter === undefined ? {} : { adapters: { "gpu:0": gpu.adapter } };
    return { available: true, version, devices: ["cpu", "gpu:0"], ...adapters };
  } catch (cause) {
    const what = cause instanceof Error ? (cause.message.split("\n")[0] ?? cause.message) : String(cause);
    return { available: false, ...unloadable(what) };
  }
}

/** Why the package is there and does not load. */
function unloadable(what: string): Pick<Extract<Availability, { available: false }>, "why" | "fix"> {
  const again = `delete ${onnxRuntimeFolder()} and run \`${obtainCommand}\``;
  const library = /([^\s:]+): cannot open shared object file/.exec(what)?.[1];
  if (library?.includes("onnxruntime")) {
    return { why: `${library}, a part of the package onnxruntime-node, is missing`, fix: again };
  }
  if (library !== undefined) {
    return {
      why: `the shared library ${library} is missing`,
      fix: `install the system's package that has ${library}`,
    };
  }
  const version = /version [`']([\w.]+)' not found/.exec(what)?.[1];
  if (version !== undefined) {
    const why = `ONNX Runtime needs a newer system: its C or C++ library lacks ${version}`;
    return { why, fix: "use a newer release of the system, or `--engine reference` for a small case" };
  }
  return { why: `onnxruntime-node does not load on ${process.platform}-${process.arch}: ${what}`, fix: again };
}
