/**
 * `fslc engines install tensorflow`: everything is made ready and proved beside, and put in its place by one rename.
 * Finished downloads stay until then, so that an installation which was cut off goes on where it was.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { acquireLock } from "../../system/lock.js";
import { fetchPackages } from "../../system/npm-packages.js";
import { reason } from "../../system/reason.js";
import { enginesFolder } from "../folder.js";
import { buildAddon, findCompiler } from "./build.js";
import type { InstallOptions } from "./install-options.js";
import { installPackage, packageTensorflowVersion } from "./install-package.js";
import { addonFile, findTensorflow, type InstalledTensorflow, manifestFile, tensorflowFolder } from "./locate.js";
import { addonSources, type Machine, nodeApiHeaders, type PinnedWheel, tensorflowVersion, wheelsFor } from "./pins.js";
import { tryTensorflow } from "./trial.js";
import { fetchWheel, findPip, folderSize, isDownloaded, unpackWheel } from "./wheel.js";

export interface Installation {
  readonly version: string;
  readonly gpu: boolean;
  readonly folder: string;
  readonly bytes: number;
}

/**
 * Undefined where `signal` aborted: then nothing half-made is left, and finished downloads are. @throws DiagnosticError
 * FSL6020, FSL6021, FSL7031 and FSL7070 to FSL7077, each with its fix.
 */
export async function installTensorflow(options: InstallOptions): Promise<Installation | undefined> {
  const { env, signal } = options;
  try {
    return await withInstallLock(options, async () => {
      const { folder, staging, old, downloads } = installPaths(env);
      refuseForeignFolder(folder);
      // What a killed installation left.
      for (const path of [staging, old]) await rm(path, { recursive: true, force: true });
      await mkdir(staging);
      const wheels = options.wheels ?? wheelsFor(thisMachine(), options.gpu);
      const there = await findWorkingInstallation(
        wheels === undefined ? packageTensorflowVersion : tensorflowVersion,
        options,
      );
      if (there !== undefined) return there;
      const installed =
        wheels === undefined
          ? await installPackage(staging, options)
          : await installWheels(staging, downloads, wheels, options);
      options.watch.step("trying it: two matrices are multiplied in a process of its own");
      await verifyAddon(join(staging, installed.addon), installed, options);
      await writeFile(join(staging, manifestFile), `${JSON.stringify(installed)}\n`);
      // By renames alone: a run that starts meanwhile finds the old one or the new one, or for a moment none.
      if (existsSync(folder)) await rename(folder, old);
      await rename(staging, folder);
      for (const path of [old, downloads]) await rm(path, { recursive: true, force: true });
      return { version: installed.version, gpu: installed.gpu, folder, bytes: await folderSize(folder) };
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

export interface Removal {
  readonly folder: string;
  /** How much that freed. */
  readonly bytes: number;
}

/** Removes what installations made, their downloads too. Undefined where `signal` aborted. @throws DiagnosticError FSL7031 */
export async function removeTensorflow(
  options: Pick<InstallOptions, "env" | "signal" | "watch">,
): Promise<Removal | undefined> {
  const { folder, staging, old, downloads } = installPaths(options.env);
  const there = (): string[] => [folder, staging, old, downloads].filter((path) => existsSync(path));
  if (there().length === 0) return { folder, bytes: 0 };
  return withInstallLock(options, async () => {
    refuseForeignFolder(folder);
    let bytes = 0;
    for (const path of there()) bytes += await folderSize(path);
    await rm(old, { recursive: true, force: true });
    // Out of the way first: what is half removed must not be found.
    if (existsSync(folder)) await rename(folder, old);
    for (const path of there()) await rm(path, { recursive: true });
    return { folder, bytes };
  });
}

/** Where an installation lies, is made ready, goes before it is removed, and downloads to. */
function installPaths(env: NodeJS.ProcessEnv): Record<"folder" | "staging" | "old" | "downloads", string> {
  const folder = tensorflowFolder(env);
  return { folder, staging: `${folder}.new`, old: `${folder}.old`, downloads: `${folder}.downloads` };
}

/** A folder that was there before fslc is not fslc's to remove. @throws DiagnosticError FSL7031 */
function refuseForeignFolder(folder: string): void {
  if (!existsSync(folder) || existsSync(join(folder, manifestFile))) return;
  const why = `what lies there was not installed by fslc (it has no ${manifestFile})`;
  const help = [`move it away, or name another folder than \`${dirname(folder)}\` in \`FSLC_ENGINES\``];
  throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: folder, why }, { help }));
}

/** One at a time. Nothing half-made is left. */
async function withInstallLock<T>(
  { env, signal, watch }: Pick<InstallOptions, "env" | "signal" | "watch">,
  act: () => Promise<T>,
): Promise<T | undefined> {
  const engines = enginesFolder(env);
  const lock = await acquireLock(engines, "tensorflow", {
    signal,
    onWait: ({ pid, host }) => watch.step(`another installation is under way (process ${pid} on ${host}): waiting`),
  });
  if (lock === undefined) return undefined;
  try {
    return await act();
  } catch (error) {
    if (error instanceof Error && "code" in error && /^(ENOSPC|EDQUOT|EACCES|EPERM|EROFS)$/.test(String(error.code))) {
      throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: engines, why: reason(error) }), {
        cause: error,
      });
    }
    throw error;
  } finally {
    await rm(installPaths(env).staging, { recursive: true, force: true });
    lock.release();
  }
}

/** A loaded driver of NVIDIA's leaves one of these: on Linux, and on Linux within Windows. */
const driverFiles = ["/dev/nvidiactl", "/dev/dxg"];

/** What lies in the engine folder, where it is what is asked for and works. */
async function findWorkingInstallation(
  version: string,
  { gpu, env, projectDir, signal, watch }: InstallOptions,
): Promise<Installation | undefined> {
  const place = findTensorflow(projectDir, env);
  if (place?.from !== "engine folder") return undefined;
  const folder = tensorflowFolder(env);
  if (place.gpu !== gpu || place.version !== version) {
    const build = place.gpu ? "CUDA" : "the CPU";
    watch.step(`TensorFlow ${place.version} for ${build} lies in ${folder}, and is replaced in the end`);
    return undefined;
  }
  watch.step(`TensorFlow ${place.version} lies in ${folder}: trying it`);
  const trial = existsSync(place.addon) ? await tryTensorflow(place.addon, [], signal) : undefined;
  if (trial?.works) return { version: place.version, gpu, folder, bytes: await folderSize(folder) };
  watch.step(`it does not work (${trial?.why ?? "its addon is missing"}), and is installed anew`);
  return undefined;
}

async function installWheels(
  staging: string,
  downloads: string,
  wheels: readonly PinnedWheel[],
  { gpu, projectDir, env, signal, watch }: InstallOptions,
): Promise<InstalledTensorflow> {
  // All that may be wanting is asked for before the first large download.
  const compiler = await findCompiler(env, signal);
  const pip = await findPip(signal);
  await mkdir(downloads, { recursive: true });
  await checkDiskSpace(downloads, wheels);
  if (gpu && !driverFiles.some((path) => existsSync(path))) {
    watch.step("no NVIDIA driver is here: until there is one, this build computes on the processor");
  }

  const sources = [addonSources, nodeApiHeaders];
  watch.step(`sources of the addon: ${sources.map((p) => `${p.name} ${p.version}`).join(" and ")}, from npm`);
  const place = (name: string): string => join(staging, "build", name);
  await fetchPackages(sources, (pinned) => place(pinned.name), { projectDir, signal, onFetched: () => undefined });

  const libraries = join(staging, "lib");
  for (const wheel of wheels) {
    const name = `${wheel.project} ${wheel.version}`;
    if (await isDownloaded(wheel, downloads, signal)) {
      watch.step(`${name}: downloaded before, and whole`);
      continue;
    }
    watch.step(`${name}, through pip`);
    const onBytes = (done: number): void => watch.bytes(Math.min(done, wheel.bytes), wheel.bytes);
    await fetchWheel(wheel, { pip, folder: downloads, signal, onBytes });
  }
  watch.step("unpacking");
  const total = wheels.reduce((sum, wheel) => sum + wheel.unpacked, 0);
  let before = 0;
  for (const wheel of wheels) {
    await unpackWheel(join(downloads, wheel.file), libraries, {
      signal,
      onBytes: (done) => watch.bytes(Math.min(before + done, total), total),
    });
    before += wheel.unpacked;
  }

  watch.step(`building the addon with ${compiler.join(" ")}`);
  const tensorflow = join(libraries, "tensorflow");
  await buildAddon(
    {
      compiler,
      sources: place(addonSources.name),
      nodeHeaders: place(nodeApiHeaders.name),
      tensorflow,
      libraries: "lib/tensorflow",
      addon: join(staging, addonFile),
    },
    signal,
  );
  for (const path of [join(staging, "build"), join(tensorflow, "include")]) await rm(path, { recursive: true });
  return { version: tensorflowVersion, gpu, addon: addonFile };
}

/** @throws DiagnosticError FSL7072 where the disk has too little room for downloads and what is unpacked from them. */
async function checkDiskSpace(downloads: string, wheels: readonly PinnedWheel[]): Promise<void> {
  const kept = new Set(await readdir(downloads));
  const missing = wheels.filter((wheel) => !kept.has(wheel.file));
  // pip has each file twice for a moment.
  const largest = Math.max(0, ...missing.map((wheel) => wheel.bytes));
  const needed =
    missing.reduce((sum, wheel) => sum + wheel.bytes, largest) + wheels.reduce((sum, wheel) => sum + wheel.unpacked, 0);
  const { bavail, bsize } = await statfs(downloads);
  const free = bavail * bsize;
  if (free >= needed) return;
  const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new DiagnosticError(
    diagnostic("FSL7072", undefined, { path: dirname(downloads), free: gb(free), needed: gb(needed) }),
  );
}

/** @throws DiagnosticError FSL7076 where it does not compute here. */
async function verifyAddon(addon: string, { version }: InstalledTensorflow, { signal }: InstallOptions): Promise<void> {
  const trial = await tryTensorflow(addon, [], signal);
  if (!trial.works) throw new DiagnosticError(diagnostic("FSL7076", undefined, { version, reason: trial.why }));
}

function thisMachine(): Machine {
  const { header } = process.report.getReport() as {
    readonly header: { readonly glibcVersionRuntime?: string };
  };
  return { platform: process.platform, arch: process.arch, glibc: header.glibcVersionRuntime };
}
