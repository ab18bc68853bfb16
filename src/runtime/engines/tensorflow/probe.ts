/** Is TensorFlow usable here, on which devices, and what fixes it where not. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Availability } from "../engine.js";
import { findTensorflow, type TensorflowPlace } from "./locate.js";
import { type TrialOutcome, tryTensorflow } from "./trial.js";

const install = "fslc engines install tensorflow";

/** The driver's part of CUDA, and the parts without which TensorFlow computes nothing on a card: CUDA, cuDNN, cuBLAS. */
const driver = "libcuda.so.1";
const cuda12 = ["libcudart.so.12", "libcudnn.so.9", "libcublas.so.12"];
const cuda11 = ["libcudart.so.11.0", "libcudnn.so.8", "libcublas.so.11"];
/** The first minor version of TensorFlow 2 that is built with CUDA 12. */
const firstWith12 = 15;

export async function probeTensorflow(
  projectDir: string = process.cwd(),
  env: NodeJS.ProcessEnv = process.env,
): Promise<Availability> {
  const place = findTensorflow(projectDir, env);
  if (place === undefined) return { available: false, why: "TensorFlow is not installed", fix: install };
  const fix = fixOf(place);
  if (!existsSync(place.addon)) return { available: false, why: `its addon ${place.addon} is missing`, fix };
  const libraries = [driver, ...(place.gpu ? [...cuda12, ...cuda11] : [])];
  const paths = libraries.map((name) => installedPath(place, name));
  const trial = await tryTensorflow(place.addon, paths);
  if (!trial.works) {
    return { available: false, why: `TensorFlow ${place.version} does not work here: ${trial.why}`, fix };
  }
  const { version, gpu } = trial.outcome;
  const found = libraries.filter((_, i) => trial.outcome.libraries.includes(paths[i] ?? ""));
  const cards = trial.cards.map((name, i) => [`gpu:${i}`, { name, kind: "discrete" }] as const);
  return {
    available: true,
    version,
    devices: ["cpu", ...(gpu && cards.length === 0 ? ["gpu:0"] : cards.map(([device]) => device))],
    adapters: Object.fromEntries(cards),
    notes: place.gpu ? [cudaNote(trial.outcome, found)] : cpuNotes(place, found),
  };
}

function fixOf({ from, gpu, addon }: TensorflowPlace): string {
  if (from === "engine folder") return gpu ? `${install} --gpu` : install;
  return `npm rebuild ${/@tensorflow[\\/][\w-]+/.exec(addon)?.[0] ?? "@tensorflow/tfjs-node"}, or ${install}`;
}

/** Where the installation brought a part of CUDA, else the name that the system's loader looks for. */
function installedPath({ addon }: TensorflowPlace, name: string): string {
  const nvidia = join(dirname(addon), "lib", "nvidia");
  const parts = existsSync(nvidia) ? readdirSync(nvidia) : [];
  return parts.map((part) => join(nvidia, part, "lib", name)).find((path) => existsSync(path)) ?? name;
}

/** What of CUDA is here; without a card, what is missing for one. */
function cudaNote({ version, gpu }: TrialOutcome, found: readonly string[]): string {
  const parts = Number(version.split(".")[1]) < firstWith12 ? cuda11 : cuda12;
  const here = parts.filter((name) => found.includes(name));
  const missing = parts.filter((name) => !found.includes(name));
  if (gpu) return `CUDA: ${here.join(", ")}`;
  const also = here.length === 0 ? "" : ` (${here.join(", ")} found)`;
  if (missing.length > 0) return `no GPU: CUDA's ${missing.join(", ")} missing${also}; fix: ${install} --gpu`;
  if (!found.includes(driver)) {
    return `no GPU: NVIDIA's driver (${driver}) is not here${also}; fix: install the driver of the card`;
  }
  return `no GPU: the driver shows no card that TensorFlow can use${also}; \`nvidia-smi\` says what there is`;
}

function cpuNotes(place: TensorflowPlace, found: readonly string[]): string[] {
  if (place.from === "package") return [];
  const without = "no GPU: this TensorFlow is built without CUDA, and NVIDIA's driver";
  if (found.includes(driver)) return [`${without} is here; fix: ${install} --gpu`];
  return [`${without} (${driver}) is not; fix: for a card of NVIDIA's its driver, then ${install} --gpu`];
}
