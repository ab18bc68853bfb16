/**
 * Installs the npm package on platforms without a usable wheel of TensorFlow. Its script downloads an older TensorFlow and an addon
 * for it. These downloads have no digest that could be pinned.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { runCommand } from "../installing/command.js";
import type { InstallOptions } from "./install-options.js";
import { addonIn, type InstalledTensorflow } from "./locate.js";
import { addonSources } from "./pins.js";

/** The version of TensorFlow that the package's script downloads. */
export const packageTensorflowVersion = "2.9.1";

/** Tells whether the package's script has a download for this machine. Its builds for GPUs are for CUDA only. */
function isPublished({ gpu }: InstallOptions): boolean {
  if (process.platform === "darwin") return !gpu;
  return process.platform === "win32" && process.arch === "x64";
}

/** @throws DiagnosticError FSL7070 if there is no build for this machine, FSL7077 if the installation fails. */
export async function installPackage(staging: string, options: InstallOptions): Promise<InstalledTensorflow> {
  if (!isPublished(options)) {
    throw new DiagnosticError(
      diagnostic("FSL7070", undefined, {
        engine: `TensorFlow${options.gpu ? " for CUDA" : ""}`,
        machine: `${process.platform}-${process.arch}`,
      }),
    );
  }
  return installWithNpm(staging, options);
}

/** Installs the package with npm, which runs its script, into the folder `staging`. */
export async function installWithNpm(staging: string, options: InstallOptions): Promise<InstalledTensorflow> {
  const name = options.gpu ? `${addonSources.name}-gpu` : addonSources.name;
  options.watch.step(
    `installing ${name} ${addonSources.version} with npm; its script downloads TensorFlow ${packageTensorflowVersion}`,
  );
  await mkdir(staging, { recursive: true });
  await writeFile(join(staging, "package.json"), '{"private": true}\n');
  const outcome = await runCommand(
    ["npm", "install", "--no-audit", "--no-fund", "--foreground-scripts", `${name}@${addonSources.version}`],
    { signal: options.signal, cwd: staging, shell: process.platform === "win32" },
  );
  const addon = addonIn(join(staging, "node_modules", name, "lib"));
  if (outcome?.code === 0 && addon !== undefined) {
    return { version: packageTensorflowVersion, gpu: options.gpu, addon: relative(staging, addon) };
  }
  const lines = `${outcome?.stdout ?? ""}\n${outcome?.stderr ?? ""}`.split("\n");
  const said = lines.find((line) => /\b(E[A-Z]{4,}|Error:)/.test(line))?.trim();
  throw new DiagnosticError(
    diagnostic("FSL7077", undefined, {
      package: `${name} ${addonSources.version}`,
      reason: said ?? (outcome === undefined ? "npm is not installed" : "its script did not download an addon"),
    }),
  );
}
