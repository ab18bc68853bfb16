/**
 * `fslc engines install onednn`: the library out of its wheel, and koffi, which calls the library's functions. If the user names a
 * library of the system in `FSLC_ONEDNN`, only koffi is installed.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { folderSize } from "../../system/folder-size.js";
import { fetchPackages } from "../../system/npm-packages.js";
import { manifestFile } from "../installing/manifest.js";
import {
  moveIntoPlace,
  type Place,
  type PlaceOptions,
  type Removal,
  refuseForeignFolder,
  removeEngine,
  withInstallLock,
} from "../installing/place.js";
import { fetchWheel, findPip, isDownloaded, type PinnedWheel, unpackWheel } from "../installing/wheel.js";
import { glibcVersion } from "./glibc.js";
import { findOnednn, type InstalledOnednn, namedLibrary, onednnFolder, readManifest } from "./locate.js";
import { koffiFor, libraryPath, onednnVersion, wheelFor } from "./pins.js";
import { tryOnednn } from "./trial.js";

const engineName = "onednn";

export interface OnednnInstallOptions extends PlaceOptions {
  /** The project whose npm configuration is used. */
  readonly projectDir: string;
}

export interface OnednnInstallation {
  readonly version: string;
  readonly folder: string;
  readonly bytes: number;
}

/**
 * Installs oneDNN. Returns undefined if `signal` aborted; a finished download is then kept, and nothing else.
 * @throws DiagnosticError FSL6020, FSL6021, FSL7031, FSL7070, FSL7071, FSL7073, FSL7074 and FSL7076, each with its fix.
 */
export async function installOnednn(options: OnednnInstallOptions): Promise<OnednnInstallation | undefined> {
  const { env, signal, watch } = options;
  try {
    return await withInstallLock(engineName, options, async (place) => {
      refuseForeignFolder(place);
      const there = await findWorkingInstallation(options);
      if (there !== undefined) return there;
      // A killed installation may have left these.
      for (const path of [place.staging, place.old]) await rm(path, { recursive: true, force: true });
      await mkdir(place.staging);
      const named = namedLibrary(env);
      await fetchKoffi(place, options);
      const installed = named === undefined ? await fetchLibrary(place, options) : {};
      watch.step("testing it: two matrices are multiplied in a separate process");
      const version = await verify(named ?? join(place.staging, libraryPath), place, options);
      await writeFile(join(place.staging, manifestFile), `${JSON.stringify({ ...installed, version })}\n`);
      await moveIntoPlace(place);
      return { version, folder: place.folder, bytes: await folderSize(place.folder) };
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** Removes the installation and its downloads. Returns undefined if `signal` aborted. */
export const removeOnednn = (options: PlaceOptions): Promise<Removal | undefined> => removeEngine(engineName, options);

/** Returns the installation in the engine folder, if it is the pinned version, or a library that the user names, and works. */
async function findWorkingInstallation({
  env,
  signal,
  watch,
}: OnednnInstallOptions): Promise<OnednnInstallation | undefined> {
  const folder = onednnFolder(env);
  const location = findOnednn(env);
  if (location === undefined) return undefined;
  if (namedLibrary(env) === undefined && readManifest(folder)?.version !== onednnVersion) {
    watch.step(`oneDNN ${readManifest(folder)?.version} in ${folder} will be replaced`);
    return undefined;
  }
  watch.step(`testing oneDNN in ${folder}`);
  const trial = await tryOnednn(location, signal);
  if (trial.works) return { version: trial.version, folder, bytes: await folderSize(folder) };
  watch.step(`it does not work (${trial.why}) and will be reinstalled`);
  return undefined;
}

async function fetchKoffi({ staging }: Place, { projectDir, signal, watch }: OnednnInstallOptions): Promise<void> {
  const packages = koffiFor(process.platform, process.arch);
  if (packages === undefined) throw noEngineHere();
  watch.step(`downloading ${packages.map(({ name, version }) => `${name} ${version}`).join(" and ")} from npm`);
  const place = ({ name }: { readonly name: string }): string => join(staging, "node_modules", name);
  await fetchPackages(packages, place, { projectDir, signal, onBytes: (done, total) => watch.bytes(done, total) });
  // Documentation and headers are most of the package, and nothing loads them.
  for (const part of ["doc", "lib", "vendor"])
    await rm(join(staging, "node_modules", "koffi", part), { recursive: true, force: true });
}

/** Downloads the wheel and takes the library out of it. */
async function fetchLibrary(
  place: Place,
  { signal, watch }: OnednnInstallOptions,
): Promise<Pick<InstalledOnednn, "library">> {
  const wheel = wheelFor(process.platform, process.arch, glibcVersion());
  if (wheel === undefined) throw noEngineHere();
  const pip = await findPip("oneDNN", signal);
  await mkdir(place.downloads, { recursive: true });
  const name = `${wheel.project} ${wheel.version}`;
  if (await isDownloaded(wheel, place.downloads, signal)) watch.step(`${name}: already downloaded`);
  else {
    watch.step(`downloading ${name} with pip`);
    const onBytes = (done: number): void => watch.bytes(Math.min(done, wheel.bytes), wheel.bytes);
    await fetchWheel(wheel, { pip, folder: place.downloads, signal, onBytes });
  }
  await unpack(wheel, place, signal);
  return { library: libraryPath };
}

async function unpack(wheel: PinnedWheel, { downloads, staging }: Place, signal: AbortSignal): Promise<void> {
  const needed = [new RegExp(`^${libraryPath.replaceAll(".", "\\.")}$`)];
  await unpackWheel(join(downloads, wheel.file), staging, { needed, signal, onBytes: () => undefined });
}

/** @throws DiagnosticError FSL7076 if the library does not compute correctly on this machine. */
async function verify(library: string, { staging }: Place, { signal }: OnednnInstallOptions): Promise<string> {
  const trial = await tryOnednn({ library, koffi: join(staging, "node_modules", "koffi") }, signal);
  if (trial.works) return trial.version;
  const { why: reason } = trial;
  throw new DiagnosticError(diagnostic("FSL7076", undefined, { engine: "oneDNN", version: onednnVersion, reason }));
}

const noEngineHere = (): DiagnosticError =>
  new DiagnosticError(
    diagnostic("FSL7070", undefined, { engine: "oneDNN", machine: `${process.platform}-${process.arch}` }),
  );
