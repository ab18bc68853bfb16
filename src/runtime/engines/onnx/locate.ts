/** Finds the package of ONNX Runtime without loading anything of it. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { enginesFolder } from "../folder.js";

export const onnxRuntime = "onnxruntime-node";
export const onnxRuntimeVersion = "1.30.0";

/** Returns the folder into which fslc unpacks it. It contains the version, so that each fslc finds the version that it was built with. */
export const onnxRuntimeInstallFolder = (env: NodeJS.ProcessEnv = process.env): string =>
  join(enginesFolder(env), `onnx-${onnxRuntimeVersion}`);

/** Returns the package that fslc has unpacked, or undefined if there is none. */
export function ownOnnxRuntime(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return [join(onnxRuntimeInstallFolder(env), "node_modules", onnxRuntime)].find(hasPinnedVersion);
}

/** Returns the folder of the package: the one that fslc unpacked, or else one of the same version that Node finds from here. */
export function onnxRuntimeFolder(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const installed = createRequire(import.meta.url).resolve.paths(onnxRuntime) ?? [];
  return ownOnnxRuntime(env) ?? installed.map((modules) => join(modules, onnxRuntime)).find(hasPinnedVersion);
}

/** Tells whether the folder holds the pinned version. An empty or truncated package.json counts as no version; fetching replaces it. */
function hasPinnedVersion(folder: string): boolean {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return (manifest as { readonly version?: unknown } | null)?.version === onnxRuntimeVersion;
  } catch {
    return false;
  }
}
