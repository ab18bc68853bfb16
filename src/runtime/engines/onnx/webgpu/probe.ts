/**
 * Finds out which GPU the WebGPU provider uses on this machine. It tries the GPU in a child process, so that a driver that crashes
 * does not make the CPU unusable too. ONNX Runtime does not tell which GPU it found, so Vulkan's loader is made to log on
 * stderr. That log is also the only place that reports a missing loader.
 */
import { execFile } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { threadUrl } from "../../../system/thread-url.js";
import type { Adapter, Unavailability } from "../../engine.js";
import { withoutTelemetry } from "../telemetry.js";
import { missingGpu } from "./missing.js";

/** The time limit in ms for loading drivers and compiling one shader. */
const probeTimeout = 60_000;
/** Drivers that the provider does not accept as a GPU. */
const refusedNames = /llvmpipe/i;
/** Drivers that compute on the CPU. */
const softwareNames = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;
/**
 * Integrated GPUs, by the names that their drivers give them, because drivers do not report the kind here. Those are Intel's except
 * for Arc A770 and the like, and AMD's `Radeon Graphics`, `Radeon 780M` and `Vega 8 Graphics`; AMD's discrete GPUs have `RX`,
 * `Pro` or `VII` in their names.
 */
const integratedNames =
  /^Intel\b(?!.*\b[AB]\d{3}\b)|Radeon(?:\(TM\))? (?:(?:Vega \d+ )?Graphics|\d{3}M)\b|Adreno|Mali|Tegra|Orin|^Apple/i;
const discreteNames = /NVIDIA|GeForce|Radeon(?:\(TM\))? (?:RX|Pro|VII)\b|\bArc\b.*\b[AB]\d{3}\b/i;

export type WebgpuProbe =
  | { readonly found: true; readonly adapter: Adapter | undefined }
  | { readonly found: false; readonly missing: Unavailability };

export async function probeWebgpu(): Promise<WebgpuProbe> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./probe-child.js"));
  const env = { ...process.env, VK_LOADER_DEBUG: "info", ...withoutTelemetry };
  return await new Promise((resolve) => {
    execFile(process.execPath, [child], { timeout: probeTimeout, windowsHide: true, env }, (error, stdout, stderr) => {
      const result = /^webgpu: (.*)$/m.exec(stdout)?.[1];
      if (result === "works") return resolve({ found: true, adapter: adapterOf(stderr) });
      const ended = error?.killed ? "it hangs" : `it ends with ${error?.signal ?? `exit code ${error?.code}`}`;
      const why = result ?? `the trial of a GPU failed: ${ended}`;
      const fix = "update the graphics driver";
      resolve({ found: false, missing: missingGpu(stderr) ?? missingGpu(why) ?? { why, fix } });
    });
  });
}

/** Returns the GPU that the provider uses: the first that it accepts in the order of the loader, which puts discrete GPUs first. */
export function adapterOf(
  loader: string,
  platform: string = process.platform,
  cpu: string | undefined = cpus()[0]?.model,
): Adapter | undefined {
  // Apple's GPUs are part of its CPUs.
  if (platform === "darwin") return cpu === undefined ? undefined : { name: cpu, kind: "integrated" };
  const lists = loader.split(/(?:Original|Sorted) order:/).slice(1);
  const names = Array.from((lists.at(-1) ?? "").matchAll(/\[\d+\]\s+(.*\S)/g), ([, one = ""]) => one);
  const name = names.find((one) => !refusedNames.test(one)) ?? names[0];
  if (name === undefined) return undefined;
  return { name, kind: kindOf(name) };
}

function kindOf(name: string): Adapter["kind"] {
  if (softwareNames.test(name)) return "software";
  if (integratedNames.test(name)) return "integrated";
  return discreteNames.test(name) ? "discrete" : "unknown";
}
