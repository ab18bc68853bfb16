/** Tries TensorFlow in a process of its own: a native library that crashes takes nothing else down with it. */
import { fileURLToPath } from "node:url";
import { threadUrl } from "../../system/thread-url.js";
import { runCommand } from "./command.js";

/** What the child process says. */
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
  | {
      readonly works: true;
      readonly outcome: TrialOutcome;
      /** Names of the cards that TensorFlow uses, by its number for them. */
      readonly gpus: readonly string[];
    }
  | { readonly works: false; readonly why: string; readonly missingLibrary?: string };

/** Whether the system's loader finds a shared library, by name or path. Must be called in a process that may crash. */
export function isLoadable(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library);
    return true;
  } catch (error) {
    // Loaded, and found to be no addon of Node's: that is what was asked.
    return error instanceof Error && error.message.includes("did not self-register");
  }
}

const product = "19,22,43,50";
/** For loading a gigabyte from a slow disk and waking the cards, in ms. */
const trialTimeout = 120_000;

export async function tryTensorflow(
  addon: string,
  libraries: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<Trial> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./trial-child.js"));
  const patience = AbortSignal.timeout(trialTimeout);
  const outcome = await runCommand([process.execPath, child, addon, ...libraries], {
    signal: AbortSignal.any([signal, patience]),
    // Not all of a card's memory for a product of two small matrices; and a log that names the cards.
    env: {
      // As in workers: `gpu:1` is the card that nvidia-smi calls 1.
      CUDA_DEVICE_ORDER: "PCI_BUS_ID",
      ...process.env,
      TF_FORCE_GPU_ALLOW_GROWTH: "true",
      TF_CPP_MIN_LOG_LEVEL: "0",
    },
  }).catch((error: unknown) => {
    if (patience.aborted && !signal.aborted) return "silent" as const;
    throw error;
  });
  if (outcome === "silent") return { works: false, why: "it hangs" };
  if (outcome === undefined) throw new Error("node does not find itself");
  const said = /^\{.*\}$/m.exec(outcome.stdout)?.[0];
  if (said === undefined) return explainFailure(outcome.signal, outcome.stderr);
  const result = JSON.parse(said) as TrialOutcome;
  if (result.product.join() === product) return { works: true, outcome: result, gpus: gpusInLog(outcome.stderr) };
  return { works: false, why: `it multiplies two matrices wrongly (${result.product.join(", ")} is not ${product})` };
}

/** The addon asks for no list of devices, but TensorFlow's log has a line for each card that it takes into use. */
export function gpusInLog(log: string): string[] {
  const cards: string[] = [];
  for (const [, index, name = ""] of log.matchAll(
    /Created device \S*\/device:GPU:(\d+) with .*?, name: (.*?), pci bus/g,
  )) {
    cards[Number(index)] = name;
  }
  return cards;
}

function explainFailure(signal: NodeJS.Signals | undefined, stderr: string): Trial {
  const [, onLinux, onMac] = /([^\s:]+): cannot open shared object file|Library not loaded: (\S+)/.exec(stderr) ?? [];
  const missing = onLinux ?? onMac;
  if (missing !== undefined) {
    return { works: false, why: `the shared library ${missing} is missing`, missingLibrary: missing };
  }
  if (signal === "SIGILL") return { works: false, why: "this processor lacks instructions that it needs (AVX)" };
  if (signal !== undefined) return { works: false, why: `it crashes (${signal})` };
  const message = /^(?:\w*Error|Error \[.*\]): (.*)$/m.exec(stderr)?.[1];
  return { works: false, why: message ?? "it does not load" };
}
