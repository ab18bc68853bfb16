/** Makes the onnx engine on a GPU for tests: on the machine's GPU, or else on SwiftShader, which computes on the CPU. */
import { existsSync } from "node:fs";
import { OnnxEngine } from "../../src/runtime/engines/onnx/engine.js";
import { probeWebgpu } from "../../src/runtime/engines/onnx/webgpu/probe.js";
import type { Candidate } from "./support.js";

/** The path of SwiftShader in Debian's package chromium. */
const swiftshader = "/usr/lib/chromium/vk_swiftshader_icd.json";
const told = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES", "VK_ADD_DRIVER_FILES"];
// Vulkan's loader reads the variable when it is first loaded, in this process and in its child processes.
if (existsSync(swiftshader) && told.every((name) => process.env[name] === undefined))
  process.env["VK_ADD_DRIVER_FILES"] = swiftshader;

const probe = await probeWebgpu();

export const webgpu = {
  name: "onnx",
  device: "gpu",
  missing: probe.found ? undefined : `${probe.missing.why}: ${probe.missing.fix}`,
  make: (options?: Parameters<Candidate["make"]>[0]) => new OnnxEngine({ device: "gpu", threads: 1, ...options }),
} satisfies Candidate;
/** The adapter of the GPU, if there is one and its driver tells. */
export const adapter = probe.found ? probe.adapter : undefined;
