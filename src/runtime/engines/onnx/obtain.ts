/**
 * Gets ONNX Runtime where an installation lacks it. Its npm package holds all that fslc needs, yet its install script goes
 * on to download CUDA libraries from elsewhere; where that fails, npm leaves the whole package out. So it is an optional
 * dependency, and this unpacks it from the npm registry, without running the script.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { PinnedPackage } from "../../data/packages.js";
import { packageRoot } from "../../package.js";

const PINNED: PinnedPackage = {
  name: "onnxruntime-node",
  version: "1.30.0",
  integrity: "sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==",
};
/** What to run where the package is missing. */
export const OBTAIN_COMMAND = "fslc engines --fetch";

/** Whether Node finds the package from here: nothing of it is loaded. */
export const onnxRuntimeInstalled = (): boolean => onnxRuntimeFolder() !== undefined;

export function onnxRuntimeFolder(): string | undefined {
  const paths = createRequire(import.meta.url).resolve.paths(PINNED.name) ?? [];
  return paths.map((path) => join(path, PINNED.name)).find((folder) => existsSync(join(folder, "package.json")));
}

/**
 * Unpacks it into the node_modules of fslc's own package, beside or above which `onnxruntime-common` lies.
 * @throws DiagnosticError FSL6020 or FSL6021 where it cannot be had.
 */
export async function obtainOnnxRuntime(projectDir: string, signal: AbortSignal): Promise<void> {
  // npm's client is loaded only here: every worker asks whether the package is there.
  const { fetchPackages } = await import("../../data/packages.js");
  const place = join(packageRoot, "node_modules", PINNED.name);
  // Two runs may do this at once: each unpacks beside, the first to be done is kept.
  const beside = `${place}.${process.pid}`;
  try {
    await fetchPackages([PINNED], () => beside, { projectDir, signal, onFetched: () => undefined });
    if (!existsSync(place)) renameSync(beside, place);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}
