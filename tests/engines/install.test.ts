/** Tests the installation of TensorFlow: what is downloaded, checked, unpacked, built and moved to its place. .ci/run runs all of it. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  fetchWheel,
  findPip,
  isDownloaded,
  type PinnedWheel,
  unpackWheel,
} from "../../src/runtime/engines/installing/wheel.js";
import { buildAddon, findCompiler } from "../../src/runtime/engines/tensorflow/build.js";
import { installTensorflow, neededFiles, removeTensorflow } from "../../src/runtime/engines/tensorflow/install.js";
import type { InstallOptions } from "../../src/runtime/engines/tensorflow/install-options.js";
import { installWithNpm } from "../../src/runtime/engines/tensorflow/install-package.js";
import { addonSources, wheelsFor } from "../../src/runtime/engines/tensorflow/pins.js";

import { acquireLock } from "../../src/runtime/system/lock.js";
import { failsWith, tempDir, write, zipOf } from "../data/support.js";

const runs = (...[command, ...args]: [string, ...string[]]): boolean => spawnSync(command, args).status === 0;
const noPip = !runs("python3", "-m", "pip", "--version");
const noCompiler = !runs("c++", "--version");
const offline = !runs("npm", "view", `${addonSources.name}@${addonSources.version}`, "version");

afterEach(() => vi.unstubAllEnvs());

const { signal } = new AbortController();
const onBytes = (): void => undefined;

/** Makes a wheel with `files` that pip accepts. */
function wheel(folder: string, files: Readonly<Record<string, string>>): PinnedWheel {
  const info = "few_tensors-1.0.dist-info";
  const content = zipOf(
    Object.fromEntries(
      Object.entries({
        ...files,
        [`${info}/METADATA`]: "Metadata-Version: 2.1\nName: few-tensors\nVersion: 1.0\n",
        [`${info}/WHEEL`]: "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_27_x86_64\n",
        [`${info}/RECORD`]: "",
      }).map(([name, text]) => [name, Buffer.from(text)]),
    ),
  );
  const file = "few_tensors-1.0-cp311-cp311-manylinux_2_27_x86_64.whl";
  write(join(folder, file), content);
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { project: "few-tensors", version: "1.0", file, bytes: content.length, unpacked: 1000, sha256 };
}
/** Makes a folder the index of pip, so that no test needs a network. */
function indexIs(folder: string): void {
  vi.stubEnv("PIP_NO_INDEX", "1");
  vi.stubEnv("PIP_FIND_LINKS", folder);
}

describe("what is had for a machine", () => {
  test.each([
    ["linux", "x64", "2.36", false, ["tensorflow-cpu"]],
    ["linux", "arm64", "2.36", false, ["tensorflow"]],
    ["linux", "arm64", "2.36", true, undefined],
    ["linux", "x64", "2.17", false, undefined],
    ["linux", "x64", undefined, false, undefined],
    ["darwin", "arm64", undefined, false, undefined],
    ["win32", "x64", undefined, false, undefined],
  ] as const)("%s %s, C library %s, gpu %s", (platform, arch, glibc, gpu, projects) => {
    expect(wheelsFor({ platform, arch, glibc }, { gpu })?.map((w) => w.project)).toEqual(projects);
  });

  test("for CUDA TensorFlow and each part that its extra names, every one pinned", () => {
    const wheels = wheelsFor({ platform: "linux", arch: "x64", glibc: "2.36" }, { gpu: true }) ?? [];
    const parts = ["cublas", "cuda-cupti", "cuda-nvcc", "cuda-nvrtc", "cuda-runtime", "cudnn", "cufft", "curand"];
    const more = ["cusolver", "cusparse", "nccl", "nvjitlink"];
    expect(wheels.map((w) => w.project)).toEqual([
      "tensorflow",
      ...[...parts, ...more].map((part) => `nvidia-${part}-cu12`),
    ]);
    for (const { file, version, sha256 } of wheels) {
      expect(file).toContain(`-${version}-`);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });
});

describe.skipIf(noPip)(`wheels through pip${noPip ? " (needs python3 -m pip)" : ""}`, () => {
  test("are had once: a finished download is kept, and checked", async () => {
    const [index, folder] = [tempDir(), tempDir()];
    const pinned = wheel(index, { "a.txt": "a" });
    indexIs(index);
    const options = { pip: await findPip("TensorFlow", signal), folder, signal, onBytes };
    expect(await isDownloaded(pinned, folder, signal)).toBe(false);
    await fetchWheel(pinned, options);
    expect(readdirSync(folder)).toEqual([pinned.file]);
    expect(await isDownloaded(pinned, folder, signal)).toBe(true);
  });

  test("a kept download that is cut off is had anew", async () => {
    const [index, folder] = [tempDir(), tempDir()];
    const pinned = wheel(index, { "a.txt": "a" });
    indexIs(index);
    write(join(folder, pinned.file), readFileSync(join(index, pinned.file)).subarray(0, 50));
    expect(await isDownloaded(pinned, folder, signal)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    await fetchWheel(pinned, { pip: await findPip("TensorFlow", signal), folder, signal, onBytes });
    expect(readFileSync(join(folder, pinned.file))).toEqual(readFileSync(join(index, pinned.file)));
  });

  test("another file under the same name is refused, and not kept", async () => {
    const [index, folder] = [tempDir(), tempDir()];
    const pinned = { ...wheel(index, { "a.txt": "a" }), sha256: "0".repeat(64) };
    indexIs(index);
    const options = { pip: await findPip("TensorFlow", signal), folder, signal, onBytes };
    const { message } = await failsWith("FSL7074", () => fetchWheel(pinned, options));
    expect(message).toContain(pinned.file);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("one that the index does not have is named, with pip's own word", async () => {
    const [index, folder] = [tempDir(), tempDir()];
    const pinned = { ...wheel(index, { "a.txt": "a" }), version: "2.0" };
    indexIs(index);
    const options = { pip: await findPip("TensorFlow", signal), folder, signal, onBytes };
    const { message } = await failsWith("FSL7073", () => fetchWheel(pinned, options));
    expect(message).toContain("No matching distribution found for few-tensors==2.0");
  });
});

test("of a wheel only what runs or is compiled against is unpacked", async () => {
  const [index, folder] = [tempDir(), tempDir()];
  const kept = [
    "tensorflow/libtensorflow_cc.so.2",
    "tensorflow/libtensorflow_framework.so.2",
    "tensorflow/include/tensorflow/c/eager/c_api.h",
    "tensorflow/include/xla/tsl/c/tsl_status.h",
    "nvidia/cudnn/lib/libcudnn.so.9",
    "nvidia/cuda_nvrtc/lib/libnvrtc-builtins.so.12.8",
    "nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc",
  ];
  const left = [
    "tensorflow/python/framework/ops.py",
    "tensorflow/include/tensorflow/core/framework/op.h",
    "tensorflow/lite/python/libpywrap_tflite_common.so",
    "nvidia/cudnn/lib/__init__.py",
    "nvidia/cudnn/include/cudnn.h",
  ];
  const { file } = wheel(index, Object.fromEntries([...kept, ...left].map((name) => [name, `the text of ${name}`])));
  let bytes = 0;
  await unpackWheel(join(index, file), folder, {
    needed: neededFiles,
    signal,
    onBytes: (done) => {
      bytes = done;
    },
  });
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(found.map((entry) => join(entry.parentPath, entry.name)).sort()).toEqual(
    kept.map((name) => join(folder, name)).sort(),
  );
  for (const name of kept) expect(readFileSync(join(folder, name), "utf8")).toBe(`the text of ${name}`);
  expect(bytes).toBe(kept.reduce((sum, name) => sum + `the text of ${name}`.length, 0));
});

describe("what is wanting is said with its fix before anything is downloaded", () => {
  test("a compiler", async () => {
    const { message, help } = await failsWith("FSL7071", () => findCompiler({ CXX: "no-such-compiler" }, signal));
    expect(message).toContain("no-such-compiler");
    expect(help.join()).toContain("apt-get install g++");
  });

  test.skipIf(noCompiler)("CXX may be a command with arguments; a folder is no compiler", async () => {
    expect(await findCompiler({ CXX: "c++ -O1" }, signal)).toEqual(["c++", "-O1"]);
    const folder = tempDir();
    const { message } = await failsWith("FSL7071", () => findCompiler({ CXX: folder }, signal));
    expect(message).toContain(folder);
  });

  test("pip", async () => {
    vi.stubEnv("PATH", tempDir());
    const { help } = await failsWith("FSL7071", () => findPip("TensorFlow", signal));
    expect(help.join()).toContain("apt-get install python3-pip");
  });

  test.skipIf(noPip || noCompiler)("room on the disk", async () => {
    const engines = tempDir();
    const large = { ...wheel(tempDir(), {}), unpacked: 1e15 };
    const { message } = await failsWith("FSL7072", () => installTensorflow(options(engines, { wheels: [large] })));
    expect(message).toMatch(/needs 1000000\.0 GB, but the disk of `.*` has only [\d.]+ GB free/);
    expect(readdirSync(join(engines, "tensorflow.downloads"))).toEqual([]);
  });
});

test.skipIf(noCompiler)("what the compiler refuses is said in its own words", async () => {
  const dir = tempDir();
  write(join(dir, "binding", "a.cc"), "#include <no_such_header.h>\n");
  const build = {
    compiler: ["c++"] as const,
    sources: dir,
    nodeHeaders: dir,
    tensorflow: dir,
    libraries: "lib",
    addon: "a.node",
  };
  const { message } = await failsWith("FSL7075", () => buildAddon(build, signal));
  expect(message).toContain("no_such_header.h");
});

function options(engines: string, more: Partial<InstallOptions> = {}): InstallOptions & { readonly said: string[] } {
  const said: string[] = [];
  const watch = { step: (text: string) => void said.push(text), bytes: () => undefined };
  return { gpu: false, projectDir: tempDir(), env: { FSLC_ENGINES: engines }, signal, watch, said, ...more };
}

describe.skipIf(noPip || noCompiler || offline)(
  `an installation that fails${noPip || noCompiler ? " (needs pip and a compiler)" : offline ? " (needs the npm registry)" : ""}`,
  () => {
    test("leaves the one before as it was, nothing half-made, and the finished downloads", async () => {
      const [engines, index] = [tempDir(), tempDir()];
      indexIs(index);
      write(join(engines, "tensorflow", "installed.json"), '{"version": "2.21.0", "gpu": false, "addon": "gone.node"}');
      // TensorFlow has no headers here, so only the compiler fails.
      const pinned = wheel(index, { "tensorflow/libtensorflow_cc.so.2": "no library" });
      const asked = options(engines, { wheels: [pinned] });
      const { message } = await failsWith("FSL7075", () => installTensorflow(asked));
      expect(message).toContain("tensorflow/c/c_api.h");
      expect(readdirSync(engines).sort()).toEqual(["tensorflow", "tensorflow.downloads"]);
      expect(readdirSync(join(engines, "tensorflow.downloads"))).toEqual([pinned.file]);
      expect(readdirSync(join(engines, "tensorflow"))).toEqual(["installed.json"]);
      expect(asked.said[1]).toBe("it does not work (its addon is missing) and will be reinstalled");
      const again = options(engines, { wheels: [pinned] });
      indexIs(tempDir());
      await failsWith("FSL7075", () => installTensorflow(again));
      expect(again.said).toContain("few-tensors 1.0: already downloaded");
    });
  },
);

describe("one at a time", () => {
  test("waits for another installation, says so, and leaves nothing where it is interrupted", async () => {
    const engines = tempDir();
    const held = await acquireLock(engines, "tensorflow", { signal, onWait: () => undefined });
    const stop = new AbortController();
    const asked = options(engines, { signal: stop.signal });
    const installation = installTensorflow(asked);
    await vi.waitFor(() =>
      expect(asked.said).toEqual([`waiting for another installation (process ${process.pid} on ${hostname()})`]),
    );
    stop.abort();
    expect(await installation).toBeUndefined();
    held?.release();
    expect(readdirSync(engines)).toEqual([]);
  });

  test("Ctrl-C ends the command with 130, and what a killed one left is cleared away by the next", async () => {
    const engines = tempDir();
    const held = await acquireLock(engines, "tensorflow", { signal, onWait: () => undefined });
    mkdirSync(join(engines, "tensorflow.new"));
    const child = spawn(process.execPath, [resolve("dist/src/cli/main.js"), "engines", "install", "tensorflow"], {
      env: { ...process.env, FSLC_ENGINES: engines },
    });
    let err = "";
    child.stderr.on("data", (text) => {
      err += text;
    });
    await vi.waitFor(() => expect(err).toContain("waiting for another installation"), 30_000);
    child.kill("SIGINT");
    expect(await new Promise((done) => child.on("close", done))).toBe(130);
    expect(err).toContain("interrupted: finished downloads are kept");
    held?.release();
    await removeTensorflow(options(engines));
    expect(readdirSync(engines)).toEqual([]);
  });
});

test("removing frees what an installation takes, downloads too, and says how much", async () => {
  const engines = tempDir();
  write(join(engines, "tensorflow", "lib", "tensorflow", "libtensorflow_cc.so.2"), "x".repeat(1000));
  write(join(engines, "tensorflow", "installed.json"), "");
  write(join(engines, "tensorflow.downloads", "a.whl"), "x".repeat(234));
  write(join(engines, "another-engine", "kept"), "x");
  expect(await removeTensorflow(options(engines))).toEqual({ folder: join(engines, "tensorflow"), bytes: 1234 });
  expect(readdirSync(engines)).toEqual(["another-engine"]);
  expect(await removeTensorflow(options(engines))).toMatchObject({ bytes: 0 });
});

test("what lies under these names and is not fslc's stays", async () => {
  const engines = tempDir();
  const others = ["tensorflow/README.md", "downloads/thesis.pdf"];
  for (const file of others) write(join(engines, file), "mine");
  for (const act of [removeTensorflow, installTensorflow]) {
    const { message, help } = await failsWith("FSL7031", () => act(options(engines, { wheels: [] })));
    expect(message).toContain("was not installed by fslc");
    expect(help.join()).toContain("FSLC_ENGINES");
  }
  rmSync(join(engines, "tensorflow"), { recursive: true });
  write(join(engines, "tensorflow", "installed.json"), '{"version"');
  await removeTensorflow(options(engines));
  expect(readdirSync(engines)).toEqual(["downloads"]);
  expect(readFileSync(join(engines, "downloads", "thesis.pdf"), "utf8")).toBe("mine");
});

test("a folder that cannot be made is said as it is", async () => {
  const dir = tempDir();
  writeFileSync(join(dir, "file"), "");
  const { message } = await failsWith("FSL7031", () => installTensorflow(options(join(dir, "file", "engines"))));
  expect(message).toContain("a file lies where a folder should be");
});

test.skipIf(offline)(
  `the package's own installation leaves its addon, or says why it does not${offline ? " (needs the npm registry)" : ""}`,
  async () => {
    const staging = join(tempDir(), "new");
    vi.stubEnv("npm_config_cache", join(tempDir(), "cache"));
    // Nobody listens on this address, so the download of the script fails.
    vi.stubEnv("TFJS_NODE_BASE_URI", "http://127.0.0.1:9/");
    const { message } = await failsWith("FSL7077", () => installWithNpm(staging, options(tempDir())));
    expect(message).toMatch(/@tensorflow\/tfjs-node 4\.22\.0` cannot be installed: .+/);
  },
  300_000,
);

test("nothing of this runs when fslc itself is installed", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly scripts: Record<string, string> };
  for (const name of ["preinstall", "install", "postinstall", "prepare"]) expect(scripts[name]).toBeUndefined();
  expect(scripts["postprepare"]).not.toContain("engines");
  expect(existsSync("binding.gyp")).toBe(false);
  expect(readFileSync("package.json", "utf8")).not.toContain("tfjs-node");
});
