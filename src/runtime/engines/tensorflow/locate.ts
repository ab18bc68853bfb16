/** Finds TensorFlow's native addon without loading anything of it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { enginesFolder } from "../folder.js";

export interface TensorflowLocation {
  /** The `.node` file. */
  readonly addon: string;
  /** TensorFlow's version where fslc installed it, else the npm package's. */
  readonly version: string;
  /** Whether it is the build for CUDA. */
  readonly gpu: boolean;
  readonly from: "engine folder" | "package";
}

/** What an installation says of itself, in its folder. */
export interface InstalledTensorflow {
  readonly version: string;
  readonly gpu: boolean;
  /** The addon's path in the folder. */
  readonly addon: string;
}
export const addonFile = "tfjs_binding.node";
export const manifestFile = "installed.json";

export const tensorflowFolder = (env: NodeJS.ProcessEnv = process.env): string =>
  join(enginesFolder(env), "tensorflow");

/** fslc's own installation first, else the npm package that the user installed beside fslc or in the project. */
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

/** Undefined where there is none, or a damaged one: then nothing is installed, and an installation makes it anew. */
function readManifest(folder: string): InstalledTensorflow | undefined {
  const path = join(folder, manifestFile);
  if (!existsSync(path)) return undefined;
  try {
    const said = JSON.parse(readFileSync(path, "utf8")) as Partial<InstalledTensorflow> | null;
    const { version, gpu, addon } = said ?? {};
    if (typeof version !== "string" || typeof gpu !== "boolean" || typeof addon !== "string") return undefined;
    return { version, gpu, addon };
  } catch (error) {
    // Cut off by a machine that lost its power, or just now on its way out of here.
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

/** The package's builds lie in lib/napi-v8 and the like, one for each version of Node-API. */
export function addonIn(lib: string): string | undefined {
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((folder) => join(lib, folder, addonFile))
    .find((file) => existsSync(file));
}
