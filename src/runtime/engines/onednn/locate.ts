/** Finds oneDNN's library and koffi without loading anything of them. */
import { existsSync, readFileSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { enginesFolder } from "../folder.js";
import { manifestFile } from "../installing/manifest.js";

/** The place of an installed oneDNN. */
export interface OnednnLocation {
  /** The shared library. */
  readonly library: string;
  /** The folder of koffi, which calls the library's functions. */
  readonly koffi: string;
}

/** The manifest that an installation writes into its folder as its last act. */
export interface InstalledOnednn {
  readonly version: string;
  /** The path of the library within the folder; undefined if only koffi was installed, for a library that the user names. */
  readonly library?: string;
}

/** The environment variable that names a library of the system: a name for the system's loader, `libdnnl.so.3`, or an absolute path. */
const libraryVariable = "FSLC_ONEDNN";

/** Returns the library that the user names, if any. A path below the current folder is none, because a project may hold anything. */
export function namedLibrary(env: NodeJS.ProcessEnv): string | undefined {
  const named = env[libraryVariable] ?? "";
  return isAbsolute(named) || (named !== "" && basename(named) === named) ? named : undefined;
}

export const onednnFolder = (env: NodeJS.ProcessEnv = process.env): string => join(enginesFolder(env), "onednn");

/** Returns the installation: the library that the user names, or else the one that fslc installed. */
export function findOnednn(env: NodeJS.ProcessEnv = process.env): OnednnLocation | undefined {
  const folder = onednnFolder(env);
  const installed = readManifest(folder);
  if (installed === undefined) return undefined;
  const library = namedLibrary(env) ?? (installed.library && join(folder, installed.library));
  if (!library) return undefined;
  return { library, koffi: join(folder, "node_modules", "koffi") };
}

/** Returns the manifest in a folder, or undefined if it is missing or damaged. A new installation then replaces it. */
export function readManifest(folder: string): InstalledOnednn | undefined {
  const path = join(folder, manifestFile);
  if (!existsSync(path)) return undefined;
  try {
    const { version, library } = (JSON.parse(readFileSync(path, "utf8")) ?? {}) as Partial<InstalledOnednn>;
    if (typeof version !== "string" || (library !== undefined && typeof library !== "string")) return undefined;
    return { version, ...(library === undefined ? {} : { library }) };
  } catch (error) {
    // The file was truncated by a loss of power, or is just being removed.
    if (error instanceof SyntaxError || !existsSync(path)) return undefined;
    throw error;
  }
}
