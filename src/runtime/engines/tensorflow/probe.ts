/** Finds out whether TensorFlow can be used on this machine and on which devices, and if not, how to fix it. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Availability, EngineNote } from "../engine.js";
import { findTensorflow, missingTensorflow, type TensorflowLocation } from "./locate.js";
import { type TrialOutcome, tryTensorflow } from "./trial.js";

const install = "fslc engines install tensorflow";

/** The part of CUDA that the driver brings. Without the parts below (CUDA, cuDNN, cuBLAS) TensorFlow computes nothing on a GPU. */
const driver = "libcuda.so.1";
const cuda12 = ["libcudart.so.12", "libcudnn.so.9", "libcublas.so.12"];
const cuda11 = ["libcudart.so.11.0", "libcudnn.so.8", "libcublas.so.11"];
/** The first minor version of TensorFlow 2 that is built with CUDA 12. */
const firstMinorWithCuda12 = 15;

export async function probeTensorflow(env: NodeJS.ProcessEnv = process.env): Promise<Availability> {
  const location = findTensorflow(env);
  if (location === undefined) return { available: false, ...missingTensorflow(env) };
  const fix = reinstallCommand(location);
  if (!existsSync(location.addon)) return { available: false, why: `its addon ${location.addon} is missing`, fix };
  const libraries = [driver, ...(location.gpu ? [...cuda12, ...cuda11] : [])];
  const paths = libraries.map((name) => installedPath(location, name));
  const trial = await tryTensorflow(location.addon, paths);
  if (!trial.works) {
    return { available: false, why: `TensorFlow ${location.version} does not work on this machine: ${trial.why}`, fix };
  }
  const { version, gpu } = trial.outcome;
  const found = libraries.filter((_, i) => trial.outcome.libraries.includes(paths[i] ?? ""));
  const gpus = trial.gpus.map((name, i) => [`gpu:${i}`, { name, kind: "discrete" }] as const);
  return {
    available: true,
    version,
    devices: ["cpu", ...(gpu && gpus.length === 0 ? ["gpu:0"] : gpus.map(([device]) => device))],
    adapters: Object.fromEntries(gpus),
    notes: location.gpu ? [cudaNote(trial.outcome, found)] : cpuNotes(location, found),
  };
}

function reinstallCommand({ from, gpu, addon }: TensorflowLocation): string {
  if (from === "engine folder") return gpu ? `${install} --gpu` : install;
  return `npm rebuild ${/@tensorflow[\\/][\w-]+/.exec(addon)?.[0] ?? "@tensorflow/tfjs-node"}, or ${install}`;
}

/** Returns the path of a CUDA library that the installation brought, or else its name, for the system's loader to find. */
function installedPath({ addon }: TensorflowLocation, name: string): string {
  const nvidia = join(dirname(addon), "lib", "nvidia");
  const parts = existsSync(nvidia) ? readdirSync(nvidia) : [];
  return parts.map((part) => join(nvidia, part, "lib", name)).find((path) => existsSync(path)) ?? name;
}

/** Describes CUDA on this machine: the libraries in use, or what is missing to use a GPU. */
function cudaNote({ version, gpu }: TrialOutcome, found: readonly string[]): EngineNote {
  const parts = Number(version.split(".")[1]) < firstMinorWithCuda12 ? cuda11 : cuda12;
  const present = parts.filter((name) => found.includes(name));
  const missing = parts.filter((name) => !found.includes(name));
  if (gpu) return { kind: "cuda", libraries: present };
  const also = present.length === 0 ? "" : ` (${present.join(", ")} found)`;
  if (missing.length > 0)
    return { kind: "no-gpu", why: `CUDA's ${missing.join(", ")} missing${also}`, fix: `${install} --gpu` };
  if (!found.includes(driver))
    return {
      kind: "no-gpu",
      why: `NVIDIA's driver (${driver}) is not installed${also}`,
      fix: "install the driver of the GPU",
    };
  return {
    kind: "no-gpu",
    why: `NVIDIA's driver shows no GPU that TensorFlow can use${also}`,
    fix: "run `nvidia-smi` to see the GPUs that the driver finds",
  };
}

function cpuNotes(location: TensorflowLocation, found: readonly string[]): EngineNote[] {
  if (location.from === "package") return [];
  const why = "this TensorFlow is built without CUDA";
  if (found.includes(driver))
    return [{ kind: "no-gpu", why: `${why}, and NVIDIA's driver is installed`, fix: `${install} --gpu` }];
  return [
    {
      kind: "no-gpu",
      why: `${why}, and NVIDIA's driver (${driver}) is not installed`,
      fix: `for an NVIDIA GPU, install its driver, then run ${install} --gpu`,
    },
  ];
}
