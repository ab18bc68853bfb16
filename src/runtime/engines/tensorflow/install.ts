/**
 * `fslc engines install tensorflow`. Everything is prepared and tested in a staging folder, which is then renamed to its final name.
 * Finished downloads are kept until then, so that an interrupted installation continues where it stopped.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { folderSize } from "../../system/folder-size.js";
import { fetchPackages } from "../../system/npm-packages.js";
import { manifestFile } from "../installing/manifest.js";
import {
  moveIntoPlace,
  type PlaceOptions,
  type Removal,
  refuseForeignFolder,
  removeEngine,
  withInstallLock,
} from "../installing/place.js";
import {
  type FetchWheel,
  fetchWheel,
  findPip,
  isDownloaded,
  type PinnedWheel,
  unpackWheel,
} from "../installing/wheel.js";
import { buildAddon, findCompiler } from "./build.js";
import type { InstallOptions } from "./install-options.js";
import { installPackage, packageTensorflowVersion } from "./install-package.js";
import { addonFile, findInstalledTensorflow, type InstalledTensorflow, tensorflowFolder } from "./locate.js";
import { addonSources, type Machine, nodeApiHeaders, tensorflowVersion, wheelsFor } from "./pins.js";
import { tryTensorflow } from "./trial.js";

const engineName = "tensorflow";

export interface Installation {
  readonly version: string;
  readonly gpu: boolean;
  readonly folder: string;
  readonly bytes: number;
}

/**
 * Installs TensorFlow. Returns undefined if `signal` aborted; finished downloads are then kept, and nothing else.
 * @throws DiagnosticError FSL6020, FSL6021, FSL7031 and FSL7070 to FSL7077, each with its fix.
 */
export async function installTensorflow(options: InstallOptions): Promise<Installation | undefined> {
  const { signal } = options;
  try {
    return await withInstallLock(engineName, options, async (place) => {
      const { folder, staging, old, downloads } = place;
      refuseForeignFolder(place);
      // A killed installation may have left these.
      for (const path of [staging, old]) await rm(path, { recursive: true, force: true });
      await mkdir(staging);
      const wheels = options.wheels ?? wheelsFor(thisMachine(), { gpu: options.gpu });
      const there = await findWorkingInstallation(
        wheels === undefined ? packageTensorflowVersion : tensorflowVersion,
        options,
      );
      if (there !== undefined) return there;
      const installed =
        wheels === undefined
          ? await installPackage(staging, options)
          : await installWheels(staging, downloads, wheels, options);
      options.watch.step("testing it: two matrices are multiplied in a separate process");
      await verifyAddon(join(staging, installed.addon), installed, options);
      await writeFile(join(staging, manifestFile), `${JSON.stringify(installed)}\n`);
      await moveIntoPlace(place);
      return { version: installed.version, gpu: installed.gpu, folder, bytes: await folderSize(folder) };
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** Removes the installation and its downloads. Returns undefined if `signal` aborted. */
export const removeTensorflow = (options: PlaceOptions): Promise<Removal | undefined> =>
  removeEngine(engineName, options);

/** Files that exist if NVIDIA's driver is loaded: on Linux, and on Linux within Windows. */
const driverFiles = ["/dev/nvidiactl", "/dev/dxg"];

/** Returns the installation in the engine folder, if it is the requested version and works. */
async function findWorkingInstallation(
  version: string,
  { gpu, env, signal, watch }: InstallOptions,
): Promise<Installation | undefined> {
  const place = findInstalledTensorflow(env);
  if (place === undefined) return undefined;
  const folder = tensorflowFolder(env);
  if (place.gpu !== gpu || place.version !== version) {
    const build = place.gpu ? "CUDA" : "the CPU";
    watch.step(`TensorFlow ${place.version} for ${build} in ${folder} will be replaced`);
    return undefined;
  }
  watch.step(`testing TensorFlow ${place.version} in ${folder}`);
  const trial = existsSync(place.addon) ? await tryTensorflow(place.addon, [], signal) : undefined;
  if (trial?.works) return { version: place.version, gpu, folder, bytes: await folderSize(folder) };
  watch.step(`it does not work (${trial?.why ?? "its addon is missing"}) and will be reinstalled`);
  return undefined;
}

/** Downloads, unpacks and builds TensorFlow in the staging folder. @throws DiagnosticError FSL7071 to FSL7075, FSL6020, FSL6021 */
async function installWheels(
  staging: string,
  downloads: string,
  wheels: readonly PinnedWheel[],
  options: InstallOptions,
): Promise<InstalledTensorflow> {
  const { gpu, env, signal, watch } = options;
  // Everything that may be missing is checked before the first large download.
  const compiler = await findCompiler(env, signal);
  const pip = await findPip("TensorFlow", signal);
  await mkdir(downloads, { recursive: true });
  await checkDiskSpace(downloads, wheels);
  if (gpu && !driverFiles.some((path) => existsSync(path))) {
    watch.step("no NVIDIA driver is installed: until there is one, this build computes on the CPU");
  }
  const build = join(staging, "build");
  const libraries = join(staging, "lib");
  await fetchSources(build, options);
  await fetchWheels(downloads, wheels, pip, options);
  await unpackWheels(downloads, wheels, libraries, options);

  watch.step(`building the addon with ${compiler.join(" ")}`);
  const tensorflow = join(libraries, "tensorflow");
  await buildAddon(
    {
      compiler,
      sources: join(build, addonSources.name),
      nodeHeaders: join(build, nodeApiHeaders.name),
      tensorflow,
      libraries: "lib/tensorflow",
      addon: join(staging, addonFile),
    },
    signal,
  );
  for (const path of [build, join(tensorflow, "include")]) await rm(path, { recursive: true });
  return { version: tensorflowVersion, gpu, addon: addonFile };
}

/** Downloads the sources of the addon and the headers of Node-API into `folder`. */
async function fetchSources(folder: string, { projectDir, signal, watch }: InstallOptions): Promise<void> {
  const sources = [addonSources, nodeApiHeaders];
  const names = sources.map(({ name, version }) => `${name} ${version}`).join(" and ");
  watch.step(`downloading the sources of the addon from npm: ${names}`);
  const placeOf = ({ name }: { readonly name: string }): string => join(folder, name);
  await fetchPackages(sources, placeOf, {
    projectDir,
    signal,
    onBytes: (done, total) => watch.bytes(done, total),
  });
}

/** Downloads the wheels that are not complete in `downloads` yet. */
async function fetchWheels(
  downloads: string,
  wheels: readonly PinnedWheel[],
  pip: FetchWheel["pip"],
  { signal, watch }: InstallOptions,
): Promise<void> {
  for (const wheel of wheels) {
    const name = `${wheel.project} ${wheel.version}`;
    if (await isDownloaded(wheel, downloads, signal)) {
      watch.step(`${name}: already downloaded`);
      continue;
    }
    watch.step(`downloading ${name} with pip`);
    const onBytes = (done: number): void => watch.bytes(Math.min(done, wheel.bytes), wheel.bytes);
    await fetchWheel(wheel, { pip, folder: downloads, signal, onBytes });
  }
}

/** The files to unpack: TensorFlow's C library with the headers that the addon includes, and the runtime files of CUDA. */
export const neededFiles = [
  /^tensorflow\/libtensorflow_(cc|framework)\.so\.2$/,
  /^tensorflow\/include\/(tensorflow\/c|xla\/tsl\/c)\/.*\.h$/,
  /^tensorflow\/include\/(tensorflow\/core|tsl)\/platform\/ctstring(_internal)?\.h$/,
  /^nvidia\/\w+\/lib\/[^/]+\.so[.\d]*$/,
  /^nvidia\/cuda_nvcc\/(bin\/ptxas|nvvm\/libdevice\/.*)$/,
];

async function unpackWheels(
  downloads: string,
  wheels: readonly PinnedWheel[],
  libraries: string,
  { signal, watch }: InstallOptions,
): Promise<void> {
  watch.step("unpacking");
  const total = wheels.reduce((sum, wheel) => sum + wheel.unpacked, 0);
  let before = 0;
  for (const wheel of wheels) {
    await unpackWheel(join(downloads, wheel.file), libraries, {
      needed: neededFiles,
      signal,
      onBytes: (done) => watch.bytes(Math.min(before + done, total), total),
    });
    before += wheel.unpacked;
  }
}

/** @throws DiagnosticError FSL7072 if the disk has too little space for the downloads and for what is unpacked from them. */
async function checkDiskSpace(downloads: string, wheels: readonly PinnedWheel[]): Promise<void> {
  const kept = new Set(await readdir(downloads));
  const missing = wheels.filter((wheel) => !kept.has(wheel.file));
  // pip holds each file twice for a moment.
  const largest = Math.max(0, ...missing.map((wheel) => wheel.bytes));
  const needed =
    missing.reduce((sum, wheel) => sum + wheel.bytes, largest) + wheels.reduce((sum, wheel) => sum + wheel.unpacked, 0);
  const { bavail, bsize } = await statfs(downloads);
  const free = bavail * bsize;
  if (free >= needed) return;
  const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new DiagnosticError(
    diagnostic("FSL7072", undefined, {
      engine: "TensorFlow",
      path: dirname(downloads),
      free: gb(free),
      needed: gb(needed),
    }),
  );
}

/** @throws DiagnosticError FSL7076 if TensorFlow does not compute correctly on this machine. */
async function verifyAddon(addon: string, { version }: InstalledTensorflow, { signal }: InstallOptions): Promise<void> {
  const trial = await tryTensorflow(addon, [], signal);
  if (!trial.works)
    throw new DiagnosticError(diagnostic("FSL7076", undefined, { engine: "TensorFlow", version, reason: trial.why }));
}

function thisMachine(): Machine {
  const { header } = process.report.getReport() as {
    readonly header: { readonly glibcVersionRuntime?: string };
  };
  return { platform: process.platform, arch: process.arch, glibc: header.glibcVersionRuntime };
}
