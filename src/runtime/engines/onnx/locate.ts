/** Finds ONNX Runtime's package without loading anything of it. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { enginesFolder } from "../folder.js";

export const onnxRuntime = "onnxruntime-node";
export const onnxRuntimeVersion = "1.30.0";

/** Where fslc itself unpacks it: a folder per version, so that each fslc finds the one that it was built with. */
export const onnxRuntimePlace = (env: NodeJS.ProcessEnv = process.env): string =>
  join(enginesFolder(env), `onnx-${onnxRuntimeVersion}`);

/** What fslc has unpacked; undefined where that has not been done. */
export function ownOnnxRuntime(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return [join(onnxRuntimePlace(env), "node_modules", onnxRuntime)].find(isTheVersion);
}

/** The package's folder: fslc's own, else one of this version that the user has installed where Node finds it from here. */
export function onnxRuntimeFolder(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const installed = createRequire(import.meta.url).resolve.paths(onnxRuntime) ?? [];
  return ownOnnxRuntime(env) ?? installed.map((modules) => join(modules, onnxRuntime)).find(isTheVersion);
}

/** A package.json that is empty or cut off is that of no version: fetching replaces it. */
function isTheVersion(folder: string): boolean {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return (manifest as { readonly version?: unknown } | null)?.version === onnxRuntimeVersion;
  } catch {
    return false;
  }
}
