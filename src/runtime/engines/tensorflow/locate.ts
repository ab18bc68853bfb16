/** Finds TensorFlow's native addon without loading anything of it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { enginesFolder } from "../folder.js";

/** The place of an installed TensorFlow. */
export interface TensorflowLocation {
  /** The `.node` file. */
  readonly addon: string;
  /** The version of TensorFlow if fslc installed it, else the version of the npm package. */
  readonly version: string;
  /** True for the build for CUDA. */
  readonly gpu: boolean;
  readonly from: "engine folder" | "package";
}

/** The manifest that an installation writes into its folder. */
export interface InstalledTensorflow {
  readonly version: string;
  readonly gpu: boolean;
  /** The path of the addon within the folder. */
  readonly addon: string;
}
export const addonFile = "tfjs_binding.node";
export const manifestFile = "installed.json";

export const tensorflowFolder = (env: NodeJS.ProcessEnv = process.env): string =>
  join(enginesFolder(env), "tensorflow");

/** Returns the installation of fslc, or else the npm package that the user installed next to fslc or in the project. */
export function findTensorflow(
  projectDir: string = process.cwd(),
  env: NodeJS.ProcessEnv = process.env,
): TensorflowLocation | undefined {
  return findInEngineFolder(env) ?? findPackage(projectDir);
}

function findInEngineFolder(env: NodeJS.ProcessEnv): TensorflowLocation | undefined {
  const folder = tensorflowFolder(env);
  const installed = readManifest(folder);
  if (installed === undefined) return undefined;
  const { version, gpu, addon } = installed;
  return { addon: join(folder, addon), version, gpu, from: "engine folder" };
}

/** Returns the manifest in a folder, or undefined if it is missing or damaged. A new installation then replaces it. */
function readManifest(folder: string): InstalledTensorflow | undefined {
  const path = join(folder, manifestFile);
  if (!existsSync(path)) return undefined;
  try {
    const manifest = JSON.parse(readFileSync(path, "utf8")) as Partial<InstalledTensorflow> | null;
    const { version, gpu, addon } = manifest ?? {};
    if (typeof version !== "string" || typeof gpu !== "boolean" || typeof addon !== "string") return undefined;
    return { version, gpu, addon };
  } catch (error) {
    // The file was truncated by a loss of power, or is just being removed.
    if (error instanceof SyntaxError || !existsSync(path)) return undefined;
    throw error;
  }
}

function findPackage(projectDir: string): TensorflowLocation | undefined {
  const lookups = [createRequire(import.meta.url), createRequire(join(projectDir, "package.json"))];
  for (const name of ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"]) {
    for (const path of lookups.flatMap((lookup) => lookup.resolve.paths(name) ?? [])) {
      const root = join(path, name);
      const addon = addonIn(join(root, "lib"));
      if (addon === undefined) continue;
      const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
      return { addon, version, gpu: name.endsWith("-gpu"), from: "package" };
    }
  }
  return undefined;
}

/** Returns the addon in the `lib` folder of the package. The builds are in lib/napi-v8 and the like, one for each version of Node-API. */
export function addonIn(lib: string): string | undefined {
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((folder) => join(lib, folder, addonFile))
    .find((file) => existsSync(file));
}
