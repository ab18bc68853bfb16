/** Probes ONNX Runtime in a child process, because it loads graphics drivers, and a driver may crash or hang. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { threadUrl } from "../../system/thread-url.js";
import type { Availability } from "../engine.js";
import { withoutTelemetry } from "./telemetry.js";

/** The time limit in ms for loading the library and asking the drivers for their devices. */
const probeTimeout = 120_000;

export async function probeOnnxInChild(): Promise<Availability> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./probe-child.js"));
  const { stdout, ended } = await new Promise<{ stdout: string; ended: string }>((resolve) => {
    execFile(
      process.execPath,
      [child],
      { timeout: probeTimeout, windowsHide: true, env: { ...process.env, ...withoutTelemetry } },
      (error, stdout) =>
        resolve({
          stdout,
          ended: error?.killed ? "hangs" : `crashes (${error?.signal ?? `exit code ${error?.code}`})`,
        }),
    );
  });
  const outcome = /^\{.*\}$/m.exec(stdout)?.[0];
  if (outcome !== undefined) return JSON.parse(outcome) as Availability;
  return {
    available: false,
    why: `the search for its devices ${ended}`,
    fix: `run \`${process.execPath} ${child}\` to see the error; a graphics driver may be the cause`,
  };
}
