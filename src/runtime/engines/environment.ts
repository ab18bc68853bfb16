/** The environment variables of a worker. Native libraries read them when they are loaded, before fslc can configure them. */

import { onednnEnvironment } from "./onednn/environment.js";
import { withoutTelemetry } from "./onnx/telemetry.js";
import { tensorflowEnvironment } from "./tensorflow/environment.js";

/** The engine that a worker is started for. */
export interface WorkerEngine {
  /** The name of the engine. */
  readonly name: string;
  /** `cpu` or `gpu:N`, as `chooseEngine` returns it. */
  readonly device: string;
  /** The number of threads within one run of the engine. */
  readonly threads: number;
}

/**
 * The variable that selects the GPUs that the process sees. fslc always sets it to a single one, because TensorFlow's addon
 * uploads to the last GPU that it sees and computes on the first.
 */
const visibleDevices = "CUDA_VISIBLE_DEVICES";

/**
 * Returns the variables to add to `user`, the environment that fslc was started in. A variable that is set there stays,
 * except for the visible GPUs and ONNX Runtime's telemetry, which is always off.
 */
export function engineEnvironment(
  { name, device, threads }: WorkerEngine,
  user: NodeJS.ProcessEnv = process.env,
): Readonly<Record<string, string>> {
  if (name === "onnx") return withoutTelemetry;
  const wanted = variablesOf(name, device, threads, user);
  const own = (variable: string): boolean => variable !== visibleDevices && user[variable] !== undefined;
  return Object.fromEntries(Object.entries(wanted).filter(([variable]) => !own(variable)));
}

function variablesOf(
  name: string,
  device: string,
  threads: number,
  user: NodeJS.ProcessEnv,
): Readonly<Record<string, string>> {
  if (name === "onednn") return onednnEnvironment(threads, user);
  return name === "tensorflow" ? tensorflowVariables(device, threads, user) : {};
}

function tensorflowVariables(
  device: string,
  threads: number,
  user: NodeJS.ProcessEnv,
): Readonly<Record<string, string>> {
  return {
    // This makes `gpu:1` the GPU that nvidia-smi numbers 1, not the second fastest, which is CUDA's default order.
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    ...tensorflowEnvironment(threads),
    [visibleDevices]: visibleGpu(device, user[visibleDevices]),
  };
}

/** Returns the GPU to make visible. `gpu:1` is the second of those that the user left visible, which may be numbers or UUIDs. */
function visibleGpu(device: string, visible: string | undefined): string {
  const ordinal = /^gpu(?::(\d+))?$/.exec(device);
  if (ordinal === null) return "-1";
  const index = Number(ordinal[1] ?? 0);
  if (visible === undefined) return String(index);
  return visible.split(",")[index]?.trim() ?? "-1";
}

/** The variables by which a user sets the threads of an engine's library. */
const threadVariables: Readonly<Record<string, string>> = {
  tensorflow: "TF_NUM_INTRAOP_THREADS",
  onednn: "OMP_NUM_THREADS",
};

/** Returns the number of threads in one run for the numerics: a variable of the library that the user has set wins over fslc's option. */
export function engineThreads(engine: string, threads: number, env: NodeJS.ProcessEnv = process.env): number {
  const own = Number(env[threadVariables[engine] ?? ""]);
  return Number.isSafeInteger(own) && own > 0 ? own : threads;
}
