/** Probes ONNX Runtime in a process of its own: graphics drivers are loaded for it, and a driver may crash or hang. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { threadUrl } from "../system/thread-url.js";
import type { Availability } from "./engine.js";

/** For loading a library and asking drivers for their devices, in ms. */
const patience = 120_000;

export async function probeApart(): Promise<Availability> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./probe-child.js"));
  const { stdout, ended } = await new Promise<{ stdout: string; ended: string }>((resolve) => {
    execFile(process.execPath, [child], { timeout: patience, windowsHide: true }, (error, stdout) =>
      resolve({ stdout, ended: error?.killed ? "hangs" : `crashes (${error?.signal ?? `exit code ${error?.code}`})` }),
    );
  });
  const outcome = /^\{.*\}$/m.exec(stdout)?.[0];
  if (outcome !== undefined) return JSON.parse(outcome) as Availability;
  return {
    available: false,
    why: `looking for its devices ${ended}`,
    fix: `run \`${process.execPath} ${child}\` to see what it says; a graphics driver may be at fault`,
  };
}
