/**
 * Gets ONNX Runtime. Its npm package holds all that fslc needs, yet its install script goes on to download CUDA libraries
 * from elsewhere, which npm runs or refuses to run as its version has it. So it is no dependency: this unpacks it from the
 * npm registry, without the script and without the libraries of other platforms.
 */
import { readdirSync, rmSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { PinnedPackage } from "../../system/npm-packages.js";
import { reason } from "../../system/reason.js";
import { onnxRuntime, onnxRuntimeFolder, onnxRuntimePlace, onnxRuntimeVersion, ownOnnxRuntime } from "./locate.js";

const pinned: readonly PinnedPackage[] = [
  {
    name: onnxRuntime,
    version: onnxRuntimeVersion,
    integrity: "sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==",
  },
  {
    name: "onnxruntime-common",
    version: onnxRuntimeVersion,
    integrity: "sha512-7fdVWjAID1dVhH/G8qK3APARunV4VkBFoCQAP7qp4Wkab0mrorvmc+sqiT+mKXOzDqdjN5j+/Z9nb4gzNPWcyA==",
  },
];
/** What to run where the package is missing. */
export const obtainCommand = "fslc engines --fetch";

/** Whether the package is there: nothing of it is loaded. */
export function onnxRuntimeInstalled(): boolean {
  return onnxRuntimeFolder() !== undefined;
}

/** Unpacks it, and the package that it needs. @throws DiagnosticError FSL6020 or FSL6021 where it cannot be had, FSL7031. */
export async function obtainOnnxRuntime(
  projectDir: string,
  signal: AbortSignal,
  env: NodeJS.ProcessEnv = process.env,
  /** The tests have other packages. */
  packages: readonly PinnedPackage[] = pinned,
): Promise<void> {
  // npm's client is loaded only here: every worker asks whether the package is there.
  const { fetchPackages } = await import("../../system/npm-packages.js");
  const folder = onnxRuntimePlace(env);
  // Two runs may do this at once: each unpacks beside, the first to be done is kept.
  const beside = `${folder}.${process.pid}`;
  const placeOf = ({ name }: PinnedPackage): string => join(beside, "node_modules", name);
  await writing(folder, async () => {
    await mkdir(dirname(folder), { recursive: true });
    // Something that is not it, as after a copy that was cut off.
    if (ownOnnxRuntime(env) === undefined) await rm(folder, { recursive: true, force: true });
  });
  const onExit = (): void => leave(beside);
  process.once("exit", onExit);
  try {
    await fetchPackages(packages, placeOf, { projectDir, signal, onFetched: () => undefined });
    await writing(folder, async () => {
      await removeOtherPlatforms(join(beside, "node_modules", onnxRuntime));
      await rename(beside, folder).catch((error: unknown) => {
        if (ownOnnxRuntime(env) === undefined) throw error;
      });
    });
  } finally {
    await rm(beside, { recursive: true, force: true });
    process.off("exit", onExit);
  }
}

/** For a process that exits in the middle: hundreds of megabytes that nobody would find again. */
function leave(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Windows does not remove what is still being written; nobody is there any more to be told.
  }
}

/** Two thirds of the package are libraries for other processors and systems: bin/<Node-API>/<platform>/<processor>. */
async function removeOtherPlatforms(packageDir: string): Promise<void> {
  const bin = join(packageDir, "bin");
  for (const api of readdirSync(bin)) {
    for (const platform of readdirSync(join(bin, api))) {
      for (const arch of readdirSync(join(bin, api, platform))) {
        if (platform === process.platform && arch === process.arch) continue;
        await rm(join(bin, api, platform, arch), { recursive: true });
      }
    }
  }
}

async function writing(path: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
  }
}
