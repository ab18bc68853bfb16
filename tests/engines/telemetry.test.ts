/** ONNX Runtime's library reports to its maker unless it is told not to. fslc tells it wherever it is loaded. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { engineEnvironment } from "../../src/runtime/engines/environment.js";
import { enginesFolder } from "../../src/runtime/engines/folder.js";

test("a worker of the engine is started with it switched off, whatever the user's environment says", () => {
  const environment = engineEnvironment({ name: "onnx", device: "cpu", threads: 1 }, { ORT_DISABLE_TELEMETRY: "0" });
  expect(environment).toEqual({ ORT_DISABLE_TELEMETRY: "1" });
});

test("a program that loads the library leaves nothing in the user's folder", async () => {
  const home = mkdtempSync(join(tmpdir(), "fslc-home-"));
  const runtime = pathToFileURL(resolve("dist/src/runtime/engines/onnx/runtime.js")).href;
  const script = `const { listSupportedBackends } = await import(${JSON.stringify(runtime)}); console.log(listSupportedBackends().length > 0)`;
  const env = {
    ...process.env,
    HOME: home,
    USERPROFILE: home,
    FSLC_ENGINES: enginesFolder(),
    ORT_DISABLE_TELEMETRY: "",
  };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env });
    expect(stdout.trim()).toBe("true");
    expect(readdirSync(home)).toEqual([]);
  } finally {
    rmSync(home, { recursive: true });
  }
});
