/** Is TensorFlow usable here, on which devices, and what mends it where not. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Availability } from "../engine.js";
import { findTensorflow, type TensorflowPlace } from "./locate.js";
import { tryTensorflow } from "./trial.js";

const INSTALL = "fslc engines install tensorflow";

/** The driver's part of CUDA, and the parts without which TensorFlow computes nothing on a card. */
const DRIVER = "libcuda.so.1";
const RUNTIME = { CUDA: "libcudart.so.12", cuDNN: "libcudnn.so.9", cuBLAS: "libcublas.so.12" };

export async function probeTensorflow(
  projectDir: string = process.cwd(),
  env: NodeJS.ProcessEnv = process.env,
): Promise<Availability> {
  const place = findTensorflow(projectDir, env);
  if (place === undefined) return { available: false, why: "TensorFlow is not installed", mend: INSTALL };
  const mend = mendOf(place);
  if (!existsSync(place.addon)) return { available: false, why: `its addon ${place.addon} is missing`, mend };
  const libraries = place.gpu ? cudaLibraries(place) : new Map([["driver", DRIVER]]);
  const trial = await tryTensorflow(place.addon, [...libraries.values()]);
  if (!trial.works) {
    return { available: false, why: `TensorFlow ${place.version} does not work here: ${trial.why}`, mend };
  }
  const { version, gpu } = trial.outcome;
  const found = (part: string): boolean => trial.outcome.libraries.includes(libraries.get(part) ?? "");
  const cards = trial.cards.map((name, i) => [`gpu:${i}`, { name, kind: "discrete" }] as const);
  return {
    available: true,
    version,
    devices: ["cpu", ...(gpu && cards.length === 0 ? ["gpu:0"] : cards.map(([device]) => device))],
    adapters: Object.fromEntries(cards),
    notes: place.gpu ? gpuNotes(place, gpu, found) : cpuNotes(place, found("driver")),
  };
}

function mendOf({ from, gpu, addon }: TensorflowPlace): string {
  if (from === "engine folder") return gpu ? `${INSTALL} --gpu` : INSTALL;
  return `npm rebuild ${/@tensorflow[\\/][\w-]+/.exec(addon)?.[0] ?? "@tensorflow/tfjs-node"}, or ${INSTALL}`;
}

/** By what they are for: the path where the installation brought them, else the name that the loader looks for. */
function cudaLibraries(place: TensorflowPlace): Map<string, string> {
  const nvidia = join(dirname(place.addon), "lib", "nvidia");
  const parts = existsSync(nvidia) ? readdirSync(nvidia) : [];
  const pathOf = (name: string): string =>
    parts.map((part) => join(nvidia, part, "lib", name)).find((path) => existsSync(path)) ?? name;
  return new Map([["driver", DRIVER], ...Object.entries(RUNTIME).map(([part, name]) => [part, pathOf(name)] as const)]);
}

function gpuNotes(place: TensorflowPlace, gpu: boolean, found: (part: string) => boolean): string[] {
  const parts = Object.entries(RUNTIME).map(([part, name]) =>
    found(part) ? `${part}: ${name} found` : `${part}: ${name} is missing; mend: ${mendOf(place)}`,
  );
  if (gpu) return parts;
  if (!found("driver")) {
    return [...parts, `no GPU: NVIDIA's driver (${DRIVER}) is not here; mend: install the driver of the card`];
  }
  return [...parts, "no GPU: the driver shows no card that TensorFlow can use; `nvidia-smi` says what there is"];
}

function cpuNotes(place: TensorflowPlace, driver: boolean): string[] {
  if (!driver || place.from === "package") return [];
  return [`an NVIDIA driver is here, and this TensorFlow is built without CUDA; to use the card: ${INSTALL} --gpu`];
}
