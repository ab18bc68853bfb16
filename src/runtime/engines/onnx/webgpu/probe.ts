/**
 * Which GPU the WebGPU provider has here. It is tried in a process of its own, for a driver that crashes must not take the
 * processor's half of the engine with it; and because ONNX Runtime does not tell what it found, Vulkan's loader is asked to
 * speak, which it does on stderr. Only there is it said, too, that the loader is missing.
 */
import { execFile } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { threadUrl } from "../../../system/thread-url.js";
import type { Adapter } from "../../engine.js";
import { type Missing, missingGpu } from "./missing.js";

/** For loading drivers and compiling one shader, in ms. */
const patience = 60_000;
/** What the provider takes for no GPU. */
const refused = /llvmpipe/i;
/** Drivers that compute on the processor. */
const software = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;
/**
 * Parts of processors, by what their drivers call them: Intel's but for Arc A770 and the like; of AMD's `Radeon Graphics`,
 * `Radeon 780M` and `Vega 8 Graphics`, where cards are `RX`, `Pro`, `VII`. The kind itself is not told.
 */
const integrated =
  /^Intel\b(?!.*\b[AB]\d{3}\b)|Radeon(?:\(TM\))? (?:(?:Vega \d+ )?Graphics|\d{3}M)\b|Adreno|Mali|Tegra|Orin|^Apple/i;
const discrete = /NVIDIA|GeForce|Radeon(?:\(TM\))? (?:RX|Pro|VII)\b|\bArc\b.*\b[AB]\d{3}\b/i;

export type WebgpuProbe =
  | { readonly found: true; readonly adapter: Adapter | undefined }
  | { readonly found: false; readonly missing: Missing };

export async function probeWebgpu(): Promise<WebgpuProbe> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./probe-child.js"));
  const env = { ...process.env, VK_LOADER_DEBUG: "info" };
  return await new Promise((resolve) => {
    execFile(process.execPath, [child], { timeout: patience, windowsHide: true, env }, (error, stdout, stderr) => {
      const said = /^webgpu: (.*)$/m.exec(stdout)?.[1];
      if (said === "works") return resolve({ found: true, adapter: adapterOf(stderr) });
      const ended = error?.killed ? "it hangs" : `it ends by ${error?.signal ?? `exit code ${error?.code}`}`;
      const why = said ?? `trying a GPU, ${ended}`;
      const fix = "update the graphics driver";
      resolve({ found: false, missing: missingGpu(stderr) ?? missingGpu(why) ?? { why, fix } });
    });
  });
}

/** The first of the devices that the provider takes, in the order that the loader has put them in, discrete cards before others. */
export function adapterOf(
  loader: string,
  platform: string = process.platform,
  processor: string | undefined = cpus()[0]?.model,
): Adapter | undefined {
  // Apple's GPUs are parts of its processors.
  if (platform === "darwin") return processor === undefined ? undefined : { name: processor, kind: "integrated" };
  const lists = loader.split(/(?:Original|Sorted) order:/).slice(1);
  const names = Array.from((lists.at(-1) ?? "").matchAll(/\[\d+\]\s+(.*\S)/g), ([, one = ""]) => one);
  const name = names.find((one) => !refused.test(one)) ?? names[0];
  if (name === undefined) return undefined;
  return { name, kind: kindOf(name) };
}

function kindOf(name: string): Adapter["kind"] {
  if (software.test(name)) return "software";
  if (integrated.test(name)) return "integrated";
  return discrete.test(name) ? "discrete" : "unknown";
}
