/** Finds out whether ONNX Runtime can be used on this machine and on which devices, and if not, how to fix it. */
import type { Availability, EngineNote, Unavailability } from "../engine.js";
import { onnxRuntimeFolder } from "./locate.js";
import { obtainCommand, onnxRuntimeInstalled } from "./obtain.js";
import { probeWebgpu } from "./webgpu/probe.js";

const noWebgpuProvider: EngineNote = {
  kind: "no-gpu",
  why: "this build of ONNX Runtime has no WebGPU provider",
  fix: `install the pinned build with \`${obtainCommand}\``,
};

export async function probeOnnx(): Promise<Availability> {
  if (!onnxRuntimeInstalled()) {
    return { available: false, why: "ONNX Runtime is not installed", fix: obtainCommand };
  }
  try {
    const ort = await import("./runtime.js");
    const version = ort.env.versions.node ?? ort.env.versions.common;
    if (!ort.listSupportedBackends().some(({ name }) => name === "webgpu"))
      return { available: true, version, devices: ["cpu"], notes: [noWebgpuProvider] };
    const gpu = await probeWebgpu();
    if (!gpu.found) return { available: true, version, devices: ["cpu"], notes: [{ kind: "no-gpu", ...gpu.missing }] };
    const adapters = gpu.adapter === undefined ? {} : { adapters: { "gpu:0": gpu.adapter } };
    return { available: true, version, devices: ["cpu", "gpu:0"], ...adapters };
  } catch (cause) {
    const what = cause instanceof Error ? (cause.message.split("\n")[0] ?? cause.message) : String(cause);
    return { available: false, ...explainLoadFailure(what) };
  }
}

/** Explains why a package that is installed does not load. `what` is the first line of the loader's error. */
function explainLoadFailure(what: string): Unavailability {
  const again = `delete ${onnxRuntimeFolder()} and run \`${obtainCommand}\``;
  const library = /([^\s:]+): cannot open shared object file/.exec(what)?.[1];
  if (library?.includes("onnxruntime")) {
    return { why: `${library}, a part of the package onnxruntime-node, is missing`, fix: again };
  }
  if (library !== undefined) {
    return {
      why: `the shared library ${library} is missing`,
      fix: `install the system package that contains ${library}`,
    };
  }
  const version = /version [`']([\w.]+)' not found/.exec(what)?.[1];
  if (version !== undefined) {
    const why = `ONNX Runtime needs a newer system: its C or C++ library lacks ${version}`;
    return { why, fix: "use a newer release of the system, or `--engine reference` for a small experiment" };
  }
  return { why: `onnxruntime-node does not load on ${process.platform}-${process.arch}: ${what}`, fix: again };
}
