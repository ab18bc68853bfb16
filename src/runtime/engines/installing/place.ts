/**
 * The place of an installed engine. An installation is prepared in a staging folder, which is then renamed to its final name, and
 * one lock keeps two of them apart.
 */
import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { folderSize } from "../../system/folder-size.js";
import { acquireLock } from "../../system/lock.js";
import { reason } from "../../system/reason.js";
import { enginesFolder } from "../folder.js";
import { manifestFile } from "./manifest.js";

/** Is told about the progress of an installation. `bytes` is about the step that was announced last. */
export interface InstallObserver {
  step(text: string): void;
  bytes(done: number, total: number | undefined): void;
}

export interface PlaceOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly watch: InstallObserver;
}

/** The folders of an installation: the final one, the staging folder, the one to be removed, and the downloads. */
export type Place = Readonly<Record<"folder" | "staging" | "old" | "downloads", string>>;

/** Returns the folders of the engine `name`. */
export function placeOf(name: string, env: NodeJS.ProcessEnv): Place {
  const folder = join(enginesFolder(env), name);
  return { folder, staging: `${folder}.new`, old: `${folder}.old`, downloads: `${folder}.downloads` };
}

/** Refuses to replace a folder that fslc did not make. @throws DiagnosticError FSL7031 */
export function refuseForeignFolder({ folder }: Place): void {
  if (!existsSync(folder) || existsSync(join(folder, manifestFile))) return;
  const why = `it was not installed by fslc (it has no ${manifestFile})`;
  const help = [`move it away, or set \`FSLC_ENGINES\` to another folder than \`${dirname(folder)}\``];
  throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: folder, why }, { help }));
}

/** Moves the prepared folder to its final name and removes the previous one and the downloads. */
export async function moveIntoPlace({ folder, staging, old, downloads }: Place): Promise<void> {
  // There are only renames here, so a run that starts meanwhile finds the old one, the new one or, for a moment, none.
  if (existsSync(folder)) await rename(folder, old);
  await rename(staging, folder);
  for (const path of [old, downloads]) await rm(path, { recursive: true, force: true });
}

/** Runs `act` while holding the lock of installations, and removes the staging folder in the end. Returns undefined if `signal` aborted. */
export async function withInstallLock<T>(
  name: string,
  { env, signal, watch }: PlaceOptions,
  act: (place: Place) => Promise<T>,
): Promise<T | undefined> {
  const engines = enginesFolder(env);
  const place = placeOf(name, env);
  const lock = await acquireLock(engines, name, {
    signal,
    onWait: ({ pid, host }) => watch.step(`waiting for another installation (process ${pid} on ${host})`),
  });
  if (lock === undefined) return undefined;
  try {
    return await act(place);
  } catch (error) {
    if (error instanceof Error && "code" in error && /^(ENOSPC|EDQUOT|EACCES|EPERM|EROFS)$/.test(String(error.code))) {
      throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: engines, why: reason(error) }), {
        cause: error,
      });
    }
    throw error;
  } finally {
    await rm(place.staging, { recursive: true, force: true });
    lock.release();
  }
}

export interface Removal {
  readonly folder: string;
  /** The number of bytes that were freed. */
  readonly bytes: number;
}

/**
 * Removes the installation of the engine `name` and its downloads. Returns undefined if `signal` aborted.
 * @throws DiagnosticError FSL7031 if the folder was not made by fslc or cannot be removed.
 */
export async function removeEngine(name: string, options: PlaceOptions): Promise<Removal | undefined> {
  const { folder, staging, old, downloads } = placeOf(name, options.env);
  const there = (): string[] => [folder, staging, old, downloads].filter((path) => existsSync(path));
  if (there().length === 0) return { folder, bytes: 0 };
  return withInstallLock(name, options, async (place) => {
    refuseForeignFolder(place);
    let bytes = 0;
    for (const path of there()) bytes += await folderSize(path);
    await rm(old, { recursive: true, force: true });
    // It is renamed first, so that no run finds a partly removed installation.
    if (existsSync(folder)) await rename(folder, old);
    for (const path of there()) await rm(path, { recursive: true });
    return { folder, bytes };
  });
}
