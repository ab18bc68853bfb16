/** Tests that a project from somebody else runs no code of its own when fslc looks at it. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test, vi } from "vitest";
import { onnxRuntimeInstallFolder } from "../../src/runtime/engines/onnx/locate.js";
import { tempDir, write } from "../data/support.js";

vi.setConfig({ testTimeout: 240_000 });

const main = resolve("dist/cli/main.js");
const noCompiler = spawnSync("c++", ["--version"]).status !== 0;

/** Makes a project whose `node_modules` has TensorFlow packages that write a file when anything of them is loaded. */
function projectWithNativeCode(): { dir: string; proof: string } {
  const dir = tempDir();
  const proof = join(tempDir(), "loaded");
  const source = join(tempDir(), "addon.cc");
  write(
    source,
    `#include <cstdio>\n__attribute__((constructor)) void f() { std::fclose(std::fopen("${proof}", "w")); }`,
  );
  for (const name of ["tfjs-node", "tfjs-node-gpu"]) {
    const root = join(dir, "node_modules", "@tensorflow", name);
    write(join(root, "package.json"), JSON.stringify({ name: `@tensorflow/${name}`, version: "4.22.0" }));
    write(join(root, "index.js"), `require("fs").writeFileSync(${JSON.stringify(proof)}, "")`);
    write(join(root, "lib", "napi-v8", "empty"), "");
    execFileSync("c++", ["-shared", "-fPIC", "-o", join(root, "lib", "napi-v8", "tfjs_binding.node"), source]);
  }
  cpSync("examples/emoji.fsl", join(dir, "emoji.fsl"));
  write(join(dir, "package.json"), "{}");
  return { dir, proof };
}

/** Makes a folder of engines that holds ONNX Runtime only. */
function enginesWithoutTensorflow(): string {
  const folder = tempDir();
  const installed = onnxRuntimeInstallFolder();
  if (existsSync(installed)) symlinkSync(installed, onnxRuntimeInstallFolder({ FSLC_ENGINES: folder }), "junction");
  return folder;
}

test.skipIf(noCompiler)(
  `native code in a project's node_modules is not loaded${noCompiler ? " (needs a compiler)" : ""}`,
  () => {
    const { dir, proof } = projectWithNativeCode();
    const env = { ...process.env, CI: "1", NO_COLOR: "1", FSLC_ENGINES: enginesWithoutTensorflow() };
    const inProject = (...argv: string[]) =>
      spawnSync(process.execPath, [main, ...argv], { cwd: dir, env, encoding: "utf8" });
    expect(inProject("engines").stdout).toMatch(/tensorflow.*not installed/);
    expect(inProject("plan", "emoji.fsl", "--engine", "auto").stderr).not.toContain("error");
    expect(inProject("plan", "emoji.fsl", "--engine", "tensorflow").stderr).toContain("FSL7001");
    expect(existsSync(proof)).toBe(false);

    const named = join(dir, "node_modules", "@tensorflow", "tfjs-node");
    spawnSync(process.execPath, [main, "engines"], { cwd: dir, env: { ...env, FSLC_TENSORFLOW: named } });
    expect(existsSync(proof)).toBe(true);
  },
);
