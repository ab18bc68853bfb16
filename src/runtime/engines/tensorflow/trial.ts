/** Tries TensorFlow in a child process. */
import { fileURLToPath } from "node:url";
import { threadUrl } from "../../system/thread-url.js";
import { type ChildResult, type Failed, runTrial } from "../installing/trial.js";

/** The result that the child process prints. */
export interface TrialOutcome extends ChildResult {
  readonly version: string;
  /** True if TensorFlow computes on a GPU. */
  readonly gpu: boolean;
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
  | Failed;

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

/** The time limit in ms for loading a gigabyte from a slow disk and starting the GPUs. */
const limit = 120_000;

export async function tryTensorflow(
  addon: string,
  libraries: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<Trial> {
  const child = fileURLToPath(threadUrl(import.meta.url, "./trial-child.js"));
  const trial = await runTrial<TrialOutcome>([child, addon, ...libraries], {
    signal,
    limit,
    instructions: "AVX",
    // TensorFlow must not take all memory of a GPU for this small product, and its log must name the GPUs.
    env: {
      // As in workers, this makes `gpu:1` the GPU that nvidia-smi numbers 1.
      CUDA_DEVICE_ORDER: "PCI_BUS_ID",
      ...process.env,
      TF_FORCE_GPU_ALLOW_GROWTH: "true",
      TF_CPP_MIN_LOG_LEVEL: "0",
    },
  });
  return trial.works ? { works: true, outcome: trial.result, gpus: gpusInLog(trial.log) } : trial;
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
