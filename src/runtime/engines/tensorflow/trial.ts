/** Tries TensorFlow in a process of its own: a native library that crashes takes nothing else down with it. */
import { fileURLToPath } from "node:url";
import { threadUrl } from "../../thread-url.js";
import { run } from "./command.js";

export interface TrialOutcome {
  readonly version: string;
  /** Whether it computes on a GPU. */
  readonly gpu: boolean;
  /** (1 2; 3 4) · (5 6; 7 8) */
  readonly product: readonly number[];
  /** Those of the libraries asked for that can be loaded. */
  readonly libraries: readonly string[];
}

export type Trial =
  | { readonly works: true; readonly outcome: TrialOutcome }
  | { readonly works: false; readonly why: string; readonly missingLibrary?: string };

/** Whether the system's loader finds a shared library, by name or path. Must be called in a process that may crash. */
export function reachable(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library);
    return true;
  } catch (error) {
    // Loaded, and found to be no addon of Node's: that is what was asked.
    return error instanceof Error && error.message.includes("did not self-register");
  }
}

const PRODUCT = "19,22,43,50";

export async function tryTensorflow(
  addon: string,
  libraries: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<Trial> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./trial-child.js"));
  const outcome = await run([process.execPath, child, addon, ...libraries], {
    signal,
    // Not all of the card's memory for a product of two small matrices; and silence.
    env: { ...process.env, TF_FORCE_GPU_ALLOW_GROWTH: "true", TF_CPP_MIN_LOG_LEVEL: "3" },
  });
  if (outcome === undefined) throw new Error("node does not find itself");
  if (outcome.code !== 0) return failed(outcome.signal, outcome.stderr);
  const result = JSON.parse(outcome.stdout.trimEnd().split("\n").at(-1) ?? "") as TrialOutcome;
  if (result.product.join() === PRODUCT) return { works: true, outcome: result };
  return { works: false, why: `it multiplies two matrices wrongly (${result.product.join(", ")} is not ${PRODUCT})` };
}

function failed(signal: NodeJS.Signals | undefined, stderr: string): Trial {
  const missing = /([^\s:]+): cannot open shared object file/.exec(stderr)?.[1];
  if (missing !== undefined) {
    return { works: false, why: `the shared library ${missing} is missing`, missingLibrary: missing };
  }
  if (signal === "SIGILL") return { works: false, why: "this processor lacks instructions that it needs (AVX)" };
  if (signal !== undefined) return { works: false, why: `it crashes (${signal})` };
  const message = /^(?:\w*Error|Error \[.*\]): (.*)$/m.exec(stderr)?.[1];
  return { works: false, why: message ?? "it does not load" };
}
