/** The onnx engine on a GPU, for tests: on the machine's own, else on SwiftShader, which computes on the processor. */
import { existsSync } from "node:fs";
import { OnnxEngine } from "../../src/runtime/engines/onnx/engine.js";
import { probeWebgpu } from "../../src/runtime/engines/onnx/webgpu/probe.js";
import type { Candidate } from "./support.js";

/** Debian's chromium brings it. */
const swiftshader = "/usr/lib/chromium/vk_swiftshader_icd.json";
const told = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES", "VK_ADD_DRIVER_FILES"];
// Vulkan's loader reads it when it is first loaded, in this process and in those that it starts.
if (existsSync(swiftshader) && told.every((name) => process.env[name] === undefined))
  process.env["VK_ADD_DRIVER_FILES"] = swiftshader;

const probe = await probeWebgpu();

export const webgpu = {
  name: "onnx",
  device: "gpu",
  missing: probe.found ? undefined : `${probe.missing.why}: ${probe.missing.fix}`,
  make: (options?: Parameters<Candidate["make"]>[0]) => new OnnxEngine({ device: "gpu", threads: 1, ...options }),
} satisfies Candidate;
/** The GPU behind it, where there is one and its driver says. */
export const adapter = probe.found ? probe.adapter : undefined;
