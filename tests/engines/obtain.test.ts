/** ONNX Runtime is unpacked once per user, without its install script and without libraries that this machine cannot load. */
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  onnxRuntime,
  onnxRuntimeFolder,
  onnxRuntimeInstallFolder,
  onnxRuntimeVersion,
  ownOnnxRuntime,
} from "../../src/runtime/engines/onnx/locate.js";
import { obtainOnnxRuntime } from "../../src/runtime/engines/onnx/obtain.js";
import type { PinnedPackage } from "../../src/runtime/system/npm-packages.js";
import { failsWith, tempDir, write } from "../data/support.js";
import { integrityOf, tarball } from "../data/tarball.js";

const here = `${process.platform}/${process.arch}`;
const script = `require("node:fs").writeFileSync("ran", "")`;
const archives: Readonly<Record<string, Buffer>> = {
  [onnxRuntime]: tarball({
    "package/package.json": JSON.stringify({
      name: onnxRuntime,
      version: onnxRuntimeVersion,
      scripts: { postinstall: "node script.js" },
    }),
    "package/script.js": script,
    [`package/bin/napi-v6/${here}/onnxruntime_binding.node`]: "ours",
    "package/bin/napi-v6/plan9/mips/onnxruntime_binding.node": "another's",
    [`package/bin/napi-v6/${process.platform}/mips/onnxruntime_binding.node`]: "another's",
  }),
  "onnxruntime-common": tarball({ "package/package.json": JSON.stringify({ name: "onnxruntime-common" }) }),
};
const packages: readonly PinnedPackage[] = Object.entries(archives).map(([name, bytes]) => {
  return { name, version: onnxRuntimeVersion, integrity: integrityOf(bytes) };
});

/** The size that the registry gives for each package. */
const unpacked = 20;

let server: Server;
let registry = "";
beforeAll(async () => {
  server = createServer(({ url = "" }, response) => {
    const name = url.replace(/^\/(half\/)?|\.tgz$/g, "");
    const bytes = archives[name];
    if (url === `/half/${onnxRuntime}.tgz`) {
      const whole = archives[onnxRuntime] as Buffer;
      response.writeHead(200, { "content-length": whole.length });
      response.write(whole.subarray(0, whole.length / 2), () => server.emit("half"));
      return;
    }
    if (bytes === undefined) response.writeHead(404).end("{}");
    else if (url.endsWith(".tgz")) response.end(bytes);
    else {
      const from = url.startsWith("/half/") ? "half/" : "";
      const dist = { tarball: `${registry}${from}${name}.tgz`, integrity: integrityOf(bytes), unpackedSize: unpacked };
      const versions = { [onnxRuntimeVersion]: { name, version: onnxRuntimeVersion, dist } };
      response.end(JSON.stringify({ name, "dist-tags": {}, versions }));
    }
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
afterEach(() => {
  vi.unstubAllEnvs();
});

function project(host = registry): string {
  const dir = tempDir();
  write(join(dir, "package.json"), "{}");
  write(join(dir, ".npmrc"), [`registry=${host}`, `cache=${join(dir, "npm-cache")}`, "fetch-retries=0"].join("\n"));
  for (const name of Object.keys(process.env))
    if (/^npm_config_(registry|cache)$/i.test(name)) vi.stubEnv(name, undefined);
  return dir;
}
const obtain = (env: NodeJS.ProcessEnv, dir = project()): Promise<void> =>
  obtainOnnxRuntime(dir, { signal: new AbortController().signal, onBytes: () => undefined }, env, packages);

describe("ONNX Runtime", () => {
  test("is unpacked beside what it needs, for this platform alone, and its script does not run", async () => {
    const env = { FSLC_ENGINES: join(tempDir(), "not", "yet") };
    expect(ownOnnxRuntime(env)).toBeUndefined();
    await obtain(env);
    const found = ownOnnxRuntime(env) ?? "";
    expect(found).toBe(onnxRuntimeFolder(env));
    expect(found.startsWith(onnxRuntimeInstallFolder(env))).toBe(true);
    expect(readFileSync(join(found, "bin/napi-v6", here, "onnxruntime_binding.node"), "utf8")).toBe("ours");
    expect(readdirSync(join(found, "bin/napi-v6", process.platform))).toEqual([process.arch]);
    expect(existsSync(join(found, "bin/napi-v6/plan9/mips"))).toBe(false);
    expect(existsSync(join(found, "script.js"))).toBe(true);
    expect(existsSync(join(found, "ran"))).toBe(false);
    expect(existsSync(join(dirname(found), "onnxruntime-common/package.json"))).toBe(true);
    expect(readdirSync(env.FSLC_ENGINES)).toHaveLength(1);
  });

  test("fetched again it stays, and what another broke off is replaced", async () => {
    const env = { FSLC_ENGINES: tempDir() };
    mkdirSync(join(onnxRuntimeInstallFolder(env), "node_modules"), { recursive: true });
    await obtain(env);
    await obtain(env);
    expect(ownOnnxRuntime(env)).toBeDefined();
    expect(readdirSync(env.FSLC_ENGINES)).toHaveLength(1);
  });

  test("of another version is not taken for it", async () => {
    const env = { FSLC_ENGINES: tempDir() };
    await obtain(env);
    const manifest = join(ownOnnxRuntime(env) ?? "", "package.json");
    writeFileSync(manifest, JSON.stringify({ name: onnxRuntime, version: "1.0.0" }));
    expect(ownOnnxRuntime(env)).toBeUndefined();
  });

  test.each(["", "{", "null"])(
    "whose package.json is cut off, %j, is not taken for it and is replaced",
    async (text) => {
      const env = { FSLC_ENGINES: tempDir() };
      await obtain(env);
      writeFileSync(join(ownOnnxRuntime(env) ?? "", "package.json"), text);
      expect(ownOnnxRuntime(env)).toBeUndefined();
      await obtain(env);
      expect(ownOnnxRuntime(env)).toBeDefined();
    },
  );

  test("that cannot be had leaves nothing behind, and says which package", async () => {
    const env = { FSLC_ENGINES: tempDir() };
    const { message } = await failsWith("FSL6020", () => obtain(env, project("http://127.0.0.1:9/")));
    expect(message).toContain(onnxRuntime);
    expect(readdirSync(env.FSLC_ENGINES)).toEqual([]);
  });

  test("that is given up in the middle of a package ends at once and leaves nothing behind", async () => {
    const env = { FSLC_ENGINES: tempDir() };
    const stop = new AbortController();
    const options = { signal: stop.signal, onBytes: () => undefined };
    const half = once(server, "half");
    const download = obtainOnnxRuntime(project(`${registry}half/`), options, env, packages);
    const refused = expect(download).rejects.toMatchObject({ name: "AbortError" });
    await half;
    stop.abort();
    await refused;
    expect(readdirSync(env.FSLC_ENGINES)).toEqual([]);
  });

  test("tells how much of it has arrived", async () => {
    const seen: (readonly [number, number | undefined])[] = [];
    const options = {
      signal: new AbortController().signal,
      onBytes: (done: number, total: number | undefined) => seen.push([done, total]),
    };
    await obtainOnnxRuntime(project(), options, { FSLC_ENGINES: tempDir() }, packages);
    expect(seen.at(-1)).toEqual([2 * unpacked, 2 * unpacked]);
  });

  test("whose folder cannot be made says which", async () => {
    const file = join(tempDir(), "a-file");
    writeFileSync(file, "");
    const { message } = await failsWith("FSL7031", () => obtain({ FSLC_ENGINES: join(file, "engines") }));
    expect(message).toContain(file);
  });
});
