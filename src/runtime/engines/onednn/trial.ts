/** Tries oneDNN in a child process, so that a crash of the native library ends only that process. */
import { fileURLToPath } from "node:url";
import { threadUrl } from "../../system/thread-url.js";
import { runCommand } from "../installing/command.js";
import type { OnednnLocation } from "./locate.js";

/** The result that the child process prints. */
export interface TrialOutcome {
  readonly version: string;
  /** The product (1 2; 3 4) · (5 6; 7 8). */
  readonly product: readonly number[];
}

export type Trial =
  | { readonly works: true; readonly version: string }
  | { readonly works: false; readonly why: string; readonly missingLibrary?: string };

const expectedProduct = "19,22,43,50";
/** The time limit in ms. */
const trialTimeout = 60_000;

export async function tryOnednn(
  { library, koffi }: OnednnLocation,
  signal: AbortSignal = new AbortController().signal,
): Promise<Trial> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./trial-child.js"));
  const timeout = AbortSignal.timeout(trialTimeout);
  const outcome = await runCommand([process.execPath, child, library, koffi], {
    signal: AbortSignal.any([signal, timeout]),
  }).catch((error: unknown) => {
    if (timeout.aborted && !signal.aborted) return "silent" as const;
    throw error;
  });
  if (outcome === "silent") return { works: false, why: "it hangs" };
  if (outcome === undefined) throw new Error(`cannot run ${process.execPath}`);
  const json = /^\{.*\}$/m.exec(outcome.stdout)?.[0];
  if (json === undefined) return explainFailure(outcome.signal, outcome.stderr);
  const { version, product } = JSON.parse(json) as TrialOutcome;
  if (!version.startsWith("3.")) return { works: false, why: `it is version ${version}, but fslc needs version 3` };
  if (product.join() === expectedProduct) return { works: true, version };
  return {
    works: false,
    why: `its product of two matrices is wrong (${product.join(", ")} is not ${expectedProduct})`,
  };
}

function explainFailure(signal: NodeJS.Signals | undefined, stderr: string): Trial {
  const missing = /([^\s:']+): cannot open shared object file/.exec(stderr)?.[1];
  if (missing !== undefined) {
    return { works: false, why: `the shared library ${missing} is missing`, missingLibrary: missing };
  }
  if (/undefined symbol|Cannot find function/.test(stderr))
    return { works: false, why: "it is not version 3 of oneDNN: it lacks functions that fslc calls" };
  if (signal === "SIGILL") return { works: false, why: "this CPU lacks instructions that it needs" };
  if (signal !== undefined) return { works: false, why: `it crashes (${signal})` };
  const message = /^(?:\w*Error|Error \[.*\]): (.*)$/m.exec(stderr)?.[1];
  return { works: false, why: message ?? "it does not load" };
}
