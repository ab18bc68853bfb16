/** Tries TensorFlow in a child process, so that a crash of the native library ends only that process. */
import { fileURLToPath } from "node:url";
import { threadUrl } from "../../system/thread-url.js";
import { runCommand } from "../installing/command.js";

/** The result that the child process prints. */
export interface TrialOutcome {
  readonly version: string;
  /** True if TensorFlow computes on a GPU. */
  readonly gpu: boolean;
  /** The product (1 2; 3 4) · (5 6; 7 8). */
  readonly product: readonly number[];
  /** The requested libraries that can be loaded. */
  readonly libraries: readonly string[];
}

export type Trial =
  | {
      readonly works: true;
      readonly outcome: TrialOutcome;
      /** The names of the GPUs that TensorFlow uses, in TensorFlow's order. */
      readonly gpus: readonly string[];
    }
  | { readonly works: false; readonly why: string; readonly missingLibrary?: string };

/** Tells whether the system's loader finds a shared library, by name or path. Call it only in a process that may crash. */
export function isLoadable(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library);
    return true;
  } catch (error) {
    // This error means that the library was loaded, and is not an addon of Node.
    return error instanceof Error && error.message.includes("did not self-register");
  }
}

const expectedProduct = "19,22,43,50";
/** The time limit in ms for loading a gigabyte from a slow disk and starting the GPUs. */
const trialTimeout = 120_000;

export async function tryTensorflow(
  addon: string,
  libraries: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<Trial> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./trial-child.js"));
  const timeout = AbortSignal.timeout(trialTimeout);
  const outcome = await runCommand([process.execPath, child, addon, ...libraries], {
    signal: AbortSignal.any([signal, timeout]),
    // TensorFlow must not take all memory of a GPU for this small product, and its log must name the GPUs.
    env: {
      // As in workers, this makes `gpu:1` the GPU that nvidia-smi numbers 1.
      CUDA_DEVICE_ORDER: "PCI_BUS_ID",
      ...process.env,
      TF_FORCE_GPU_ALLOW_GROWTH: "true",
      TF_CPP_MIN_LOG_LEVEL: "0",
    },
  }).catch((error: unknown) => {
    if (timeout.aborted && !signal.aborted) return "silent" as const;
    throw error;
  });
  if (outcome === "silent") return { works: false, why: "it hangs" };
  if (outcome === undefined) throw new Error(`cannot run ${process.execPath}`);
  const json = /^\{.*\}$/m.exec(outcome.stdout)?.[0];
  if (json === undefined) return explainFailure(outcome.signal, outcome.stderr);
  const result = JSON.parse(json) as TrialOutcome;
  if (result.product.join() === expectedProduct)
    return { works: true, outcome: result, gpus: gpusInLog(outcome.stderr) };
  return {
    works: false,
    why: `its product of two matrices is wrong (${result.product.join(", ")} is not ${expectedProduct})`,
  };
}

/** Returns the names of the GPUs in TensorFlow's log, which has a line for each GPU in use. The addon cannot list devices. */
export function gpusInLog(log: string): string[] {
  const gpus: string[] = [];
  for (const [, index, name = ""] of log.matchAll(
    /Created device \S*\/device:GPU:(\d+) with .*?, name: (.*?), pci bus/g,
  )) {
    gpus[Number(index)] = name;
  }
  return gpus;
}

function explainFailure(signal: NodeJS.Signals | undefined, stderr: string): Trial {
  const [, onLinux, onMac] = /([^\s:]+): cannot open shared object file|Library not loaded: (\S+)/.exec(stderr) ?? [];
  const missing = onLinux ?? onMac;
  if (missing !== undefined) {
    return { works: false, why: `the shared library ${missing} is missing`, missingLibrary: missing };
  }
  if (signal === "SIGILL") return { works: false, why: "this CPU lacks instructions that it needs (AVX)" };
  if (signal !== undefined) return { works: false, why: `it crashes (${signal})` };
  const message = /^(?:\w*Error|Error \[.*\]): (.*)$/m.exec(stderr)?.[1];
  return { works: false, why: message ?? "it does not load" };
}
