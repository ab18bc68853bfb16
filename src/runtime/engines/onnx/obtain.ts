/**
 * Fetches ONNX Runtime. Its npm package contains all that fslc needs, but its install script downloads CUDA libraries from
 * elsewhere, and whether npm runs that script depends on npm's version. Therefore the package is not a dependency. This
 * module unpacks it from the npm registry, without the script and without the libraries of other platforms.
 */
import { readdirSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { FetchOptions, PinnedPackage } from "../../system/npm-packages.js";
import { reason } from "../../system/reason.js";
import { temporaryPath } from "../../system/temporary.js";
import {
  onnxRuntime,
  onnxRuntimeFolder,
  onnxRuntimeInstallFolder,
  onnxRuntimeVersion,
  ownOnnxRuntime,
} from "./locate.js";

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
/** The command that fetches the package. */
export const obtainCommand = "fslc engines --fetch";

/** Tells whether the package is installed, without loading it. */
export function onnxRuntimeInstalled(): boolean {
  return onnxRuntimeFolder() !== undefined;
}

/**
 * Unpacks the package and the one that it needs.
 * @throws DiagnosticError FSL6020 or FSL6021 if it cannot be downloaded, FSL7031 if the folder cannot be written; the reason of `signal`.
 */
export async function obtainOnnxRuntime(
  projectDir: string,
  { signal, onBytes }: Pick<FetchOptions, "signal" | "onBytes">,
  env: NodeJS.ProcessEnv = process.env,
  /** The packages to unpack. Tests pass others. */
  packages: readonly PinnedPackage[] = pinned,
): Promise<void> {
  // npm's client is loaded only here, because every worker imports this module to check for the package.
  const { fetchPackages } = await import("../../system/npm-packages.js");
  const folder = onnxRuntimeInstallFolder(env);
  // Two runs may do this at once. Each unpacks into its own folder, and the folder of the first to finish is kept.
  const staging = temporaryPath(folder);
  const placeOf = ({ name }: PinnedPackage): string => join(staging, "node_modules", name);
  await reportWriteErrors(folder, async () => {
    await mkdir(dirname(folder), { recursive: true });
    // The folder is damaged, for example by an interrupted copy.
    if (ownOnnxRuntime(env) === undefined) await rm(folder, { recursive: true, force: true });
  });
  try {
    await fetchPackages(packages, placeOf, { projectDir, signal, onBytes });
    await reportWriteErrors(folder, async () => {
      await removeOtherPlatforms(join(staging, "node_modules", onnxRuntime));
      await rename(staging, folder).catch((error: unknown) => {
        if (ownOnnxRuntime(env) === undefined) throw error;
      });
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Removes two thirds of the package: the libraries for other platforms, in bin/<Node-API>/<platform>/<arch>. */
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

/** Runs `work`. @throws DiagnosticError FSL7031 if it fails. */
async function reportWriteErrors(path: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path, why: reason(error) }), { cause: error });
  }
}
