/**
 * Where TensorFlow publishes no wheel that can be used, the npm package's own installation: its script downloads an older
 * TensorFlow and an addon that fits. What comes so has no digest that could be pinned.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { runCommand } from "./command.js";
import type { InstallOptions } from "./install-options.js";
import { addonIn, type InstalledTensorflow } from "./locate.js";
import { addonSources } from "./pins.js";

/** The TensorFlow that the package's script downloads. */
export const packageTensorflowVersion = "2.9.1";

/** Where the package's script has something to download; both kinds for GPUs are CUDA's. */
function isPublished({ gpu }: InstallOptions): boolean {
  if (process.platform === "darwin") return !gpu;
  return process.platform === "win32" && process.arch === "x64";
}

/** @throws DiagnosticError FSL7070 where there is nothing for this machine, FSL7077 where the package does not install. */
export async function installPackage(staging: string, options: InstallOptions): Promise<InstalledTensorflow> {
  if (!isPublished(options)) {
    throw new DiagnosticError(
      diagnostic("FSL7070", undefined, {
        kind: options.gpu ? " for CUDA" : "",
        machine: `${process.platform}-${process.arch}`,
      }),
    );
  }
  return installWithNpm(staging, options);
}

/** npm itself installs the package with its script, in a folder of its own. */
export async function installWithNpm(staging: string, options: InstallOptions): Promise<InstalledTensorflow> {
  const name = options.gpu ? `${addonSources.name}-gpu` : addonSources.name;
  options.watch.step(
    `${name} ${addonSources.version}, whose own script downloads TensorFlow ${packageTensorflowVersion}, through npm`,
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
      reason: said ?? (outcome === undefined ? "npm is not here" : "its script brought no addon"),
    }),
  );
}
