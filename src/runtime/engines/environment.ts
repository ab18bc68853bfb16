/** The environment of a worker: what native libraries read when they are loaded, before fslc can say anything to them. */
import { tensorflowEnvironment } from "./tensorflow/environment.js";

/** The device is `cpu` or `gpu:N`, as `chooseEngine` gives it; threads are those inside one run of the engine. */
export interface Work {
  /** The engine's. */
  readonly name: string;
  readonly device: string;
  readonly threads: number;
}

/** Which cards the process sees, fslc's to say: one. TensorFlow's addon uploads to the last that it sees and computes on the first. */
const visibleDevices = "CUDA_VISIBLE_DEVICES";

/** Variables to add to `user`, the environment that fslc was started in: what is set there stays, save the visible cards. */
export function engineEnvironment(
  { name, device, threads }: Work,
  user: NodeJS.ProcessEnv = process.env,
): Readonly<Record<string, string>> {
  if (name !== "tensorflow") return {};
  const wanted: Readonly<Record<string, string>> = {
    // `gpu:1` is the card that nvidia-smi calls 1, not CUDA's second fastest.
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    ...tensorflowEnvironment(threads),
    [visibleDevices]: visibleCard(device, user[visibleDevices]),
  };
  const own = (variable: string): boolean => variable !== visibleDevices && user[variable] !== undefined;
  return Object.fromEntries(Object.entries(wanted).filter(([variable]) => !own(variable)));
}

/** `gpu:1` is the second of those that the user left visible, which may be named by number or by UUID. */
function visibleCard(device: string, visible: string | undefined): string {
  const ordinal = /^gpu(?::(\d+))?$/.exec(device);
  if (ordinal === null) return "-1";
  const card = Number(ordinal[1] ?? 0);
  if (visible === undefined) return String(card);
  return visible.split(",")[card]?.trim() ?? "-1";
}

/** Threads inside one run, where the user has set them for the native library itself: what the numerics record. */
export function engineThreads(engine: string, threads: number, env: NodeJS.ProcessEnv = process.env): number {
  const own = engine === "tensorflow" ? Number(env["TF_NUM_INTRAOP_THREADS"]) : Number.NaN;
  return Number.isSafeInteger(own) && own > 0 ? own : threads;
}
