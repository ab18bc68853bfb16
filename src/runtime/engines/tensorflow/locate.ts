/** Finds TensorFlow's native addon without loading anything of it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { Unavailability } from "../engine.js";
import { enginesFolder } from "../folder.js";
import { manifestFile } from "../installing/manifest.js";

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

export const tensorflowFolder = (env: NodeJS.ProcessEnv = process.env): string =>
  join(enginesFolder(env), "tensorflow");

/** The environment variable in which a user names an npm package of TensorFlow that fslc did not install. */
const packageVariable = "FSLC_TENSORFLOW";

/**
 * Returns the package that the user has named in the environment, or else the installation of fslc. It looks nowhere else: native code
 * that merely lies in a project, as in `node_modules` of a project from somebody else, is never loaded.
 */
export function findTensorflow(env: NodeJS.ProcessEnv = process.env): TensorflowLocation | undefined {
  const named = env[packageVariable];
  return named ? packageIn(named) : findInstalledTensorflow(env);
}

/** Returns why `findTensorflow` finds nothing, and how to fix it. */
export function missingTensorflow(env: NodeJS.ProcessEnv = process.env): Unavailability {
  const named = env[packageVariable];
  if (!named) return { why: "TensorFlow is not installed", fix: "fslc engines install tensorflow" };
  const why = isAbsolute(named)
    ? `\`${packageVariable}\` names \`${named}\`, which is no npm package with TensorFlow's addon`
    : `\`${packageVariable}\` names \`${named}\`, which is no absolute path`;
  const fix = `set \`${packageVariable}\` to the absolute path of an installed \`@tensorflow/tfjs-node\`, or unset it`;
  return { why, fix };
}

/** Returns the installation in the folder of engines. */
export function findInstalledTensorflow(env: NodeJS.ProcessEnv): TensorflowLocation | undefined {
  const folder = tensorflowFolder(env);
  const installed = readManifest(folder);
  if (installed === undefined) return undefined;
  const { version, gpu, addon } = installed;
  return { addon: join(folder, addon), version, gpu, from: "engine folder" };
}

/** Returns the manifest in a folder, or undefined if it is missing or damaged. A new installation then replaces it. */
function readManifest(folder: string): InstalledTensorflow | undefined {
  const { version, gpu, addon } = readObject(join(folder, manifestFile)) ?? {};
  if (typeof version !== "string" || typeof gpu !== "boolean" || typeof addon !== "string") return undefined;
  return { version, gpu, addon };
}

/**
 * Returns the npm package in a folder, or undefined if it has no addon. A relative path names nothing, because it would mean another
 * folder in each project.
 */
function packageIn(folder: string): TensorflowLocation | undefined {
  if (!isAbsolute(folder)) return undefined;
  const addon = addonIn(join(folder, "lib"));
  const { name, version } = readObject(join(folder, "package.json")) ?? {};
  if (addon === undefined || typeof name !== "string" || typeof version !== "string") return undefined;
  return { addon, version, gpu: name.endsWith("-gpu"), from: "package" };
}

/** Returns the object in a JSON file, or undefined if the file is missing or holds something else. */
function readObject(path: string): Readonly<Record<string, unknown>> | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch (error) {
    // The file was truncated by a loss of power, or is just being removed.
    if (error instanceof SyntaxError || !existsSync(path)) return undefined;
    throw error;
  }
}

/** Returns the addon in the `lib` folder of the package. The builds are in lib/napi-v8 and the like, one for each version of Node-API. */
export function addonIn(lib: string): string | undefined {
  if (!existsSync(lib)) return undefined;
  return readdirSync(lib)
    .map((folder) => join(lib, folder, addonFile))
    .find((file) => existsSync(file));
}
