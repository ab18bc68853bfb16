/** Tests where TensorFlow is searched, and the report about one that is missing or does not work. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { enginesFolder } from "../../src/runtime/engines/folder.js";
import {
  findTensorflow,
  type InstalledTensorflow,
  missingTensorflow,
} from "../../src/runtime/engines/tensorflow/locate.js";
import { probeTensorflow } from "../../src/runtime/engines/tensorflow/probe.js";
import { gpusInLog, tryTensorflow } from "../../src/runtime/engines/tensorflow/trial.js";
import { tempDir, write } from "../data/support.js";

const installed = findTensorflow();
const noTensorflow = installed === undefined;
const noCompiler = spawnSync("c++", ["--version"]).status !== 0;

function install(engines: string, manifest: Partial<InstalledTensorflow> = {}): string {
  const folder = join(engines, "tensorflow");
  const whole = { version: "2.21.0", gpu: false, addon: "tfjs_binding.node", ...manifest };
  write(join(folder, "installed.json"), JSON.stringify(whole));
  return folder;
}
/** Makes an npm package with an addon that does not load, and returns its folder and the addon. */
function packageOf(name: string): { root: string; addon: string } {
  const root = join(tempDir(), "node_modules", "@tensorflow", name);
  write(join(root, "package.json"), JSON.stringify({ name: `@tensorflow/${name}`, version: "4.22.0" }));
  const addon = join(root, "lib", "napi-v8", "tfjs_binding.node");
  write(addon, "no addon");
  return { root, addon };
}

describe("the engine folder", () => {
  test("is the one that FSLC_ENGINES names", () => {
    expect(enginesFolder({ FSLC_ENGINES: "/engines", XDG_DATA_HOME: "/data" })).toBe("/engines");
  });
  test.runIf(process.platform === "linux")("else the user's, per XDG", () => {
    expect(enginesFolder({ XDG_DATA_HOME: "/data" })).toBe(join("/data", "fslc", "engines"));
    expect(enginesFolder({})).toBe(join(homedir(), ".local", "share", "fslc", "engines"));
    expect(enginesFolder({ FSLC_ENGINES: "", XDG_DATA_HOME: "" })).toBe(enginesFolder({}));
  });
});

describe("TensorFlow is found", () => {
  test("nowhere", () => {
    expect(findTensorflow({ FSLC_ENGINES: tempDir() })).toBeUndefined();
  });

  test("as the package that the user names, before the installation of fslc", () => {
    const FSLC_ENGINES = tempDir();
    install(FSLC_ENGINES);
    for (const [name, gpu] of [
      ["tfjs-node", false],
      ["tfjs-node-gpu", true],
    ] as const) {
      const { root, addon } = packageOf(name);
      const found = findTensorflow({ FSLC_ENGINES, FSLC_TENSORFLOW: root });
      expect(found).toEqual({ addon, version: "4.22.0", gpu, from: "package" });
    }
  });

  test("not as a named package that is none, and nothing is taken in its place", () => {
    const FSLC_ENGINES = tempDir();
    install(FSLC_ENGINES);
    const skipped = packageOf("tfjs-node");
    rmSync(skipped.addon);
    const damaged = packageOf("tfjs-node").root;
    write(join(damaged, "package.json"), "[");
    for (const FSLC_TENSORFLOW of [skipped.root, damaged, tempDir(), join(tempDir(), "gone")]) {
      expect(findTensorflow({ FSLC_ENGINES, FSLC_TENSORFLOW })).toBeUndefined();
      expect(missingTensorflow({ FSLC_TENSORFLOW }).why).toContain("is no npm package with TensorFlow's addon");
    }
  });

  test("not by a relative path, which would be another package in each project", () => {
    const env = { FSLC_TENSORFLOW: relative(process.cwd(), packageOf("tfjs-node").root) };
    expect(findTensorflow(env)).toBeUndefined();
    expect(missingTensorflow(env)).toEqual({
      why: expect.stringMatching(/^`FSLC_TENSORFLOW` names `.*`, which is no absolute path$/),
      fix: expect.stringContaining("absolute path"),
    });
  });

  test.each(["", '{"version": "2.2', "{}", "null"])(
    "not where what an installation says of itself is damaged: %j",
    (text) => {
      const engines = tempDir();
      write(join(install(engines), "installed.json"), text);
      expect(findTensorflow({ FSLC_ENGINES: engines })).toBeUndefined();
    },
  );

  test("in the engine folder", () => {
    const engines = tempDir();
    const folder = install(engines, { gpu: true });
    expect(findTensorflow({ FSLC_ENGINES: engines })).toEqual({
      addon: join(folder, "tfjs_binding.node"),
      version: "2.21.0",
      gpu: true,
      from: "engine folder",
    });
  });
});

describe("what a probe says of TensorFlow", () => {
  test("that is not installed", async () => {
    expect(await probeTensorflow({ FSLC_ENGINES: tempDir() })).toEqual({
      available: false,
      why: "TensorFlow is not installed",
      fix: "fslc engines install tensorflow",
    });
  });

  test.each([
    [false, "fslc engines install tensorflow"],
    [true, "fslc engines install tensorflow --gpu"],
  ])("whose addon is gone, gpu %s", async (gpu, fix) => {
    const engines = tempDir();
    const folder = install(engines, { gpu });
    const why = `its addon ${join(folder, "tfjs_binding.node")} is missing`;
    expect(await probeTensorflow({ FSLC_ENGINES: engines })).toEqual({ available: false, why, fix });
  });

  test("whose package was cut off", async () => {
    const FSLC_TENSORFLOW = packageOf("tfjs-node").root;
    expect(await probeTensorflow({ FSLC_TENSORFLOW })).toMatchObject({
      available: false,
      why: expect.stringMatching(/^TensorFlow 4\.22\.0 does not work on this machine: .*(too short|invalid ELF|not a)/),
      fix: "npm rebuild @tensorflow/tfjs-node, or fslc engines install tensorflow",
    });
  });

  describe.skipIf(noTensorflow)(`that is installed${noTensorflow ? " (TensorFlow is not)" : ""}`, () => {
    test("here: its version and devices", async () => {
      expect(await probeTensorflow()).toMatchObject({
        available: true,
        version: expect.stringMatching(/^2\.\d+\.\d+$/),
        devices: expect.arrayContaining(["cpu"]),
      });
    });

    test.runIf(installed?.from === "engine folder")(
      "without one of its shared libraries: which, and the fix",
      async () => {
        const engines = tempDir();
        const folder = install(engines);
        copyFileSync(installed?.addon ?? "", join(folder, "tfjs_binding.node"));
        expect(await probeTensorflow({ FSLC_ENGINES: engines })).toEqual({
          available: false,
          why: "TensorFlow 2.21.0 does not work on this machine: the shared library libtensorflow_cc.so.2 is missing",
          fix: "fslc engines install tensorflow",
        });
      },
    );

    const hasNvidia = existsSync("/proc/driver/nvidia");
    test.skipIf(hasNvidia)("for the CPU without a GPU: what a GPU would need", async () => {
      const engines = tempDir();
      install(engines, { addon: relative(join(engines, "tensorflow"), installed?.addon ?? "") });
      expect(await probeTensorflow({ FSLC_ENGINES: engines })).toMatchObject({
        available: true,
        devices: ["cpu"],
        notes: [
          {
            kind: "no-gpu",
            why: expect.stringMatching(/^this TensorFlow is built without CUDA, .*libcuda\.so\.1.* is not installed$/),
            fix: expect.stringMatching(/driver.* --gpu$/),
          },
        ],
      });
    });

    test.skipIf(hasNvidia)(
      "for CUDA without a GPU: each part found or missing, and that there is no driver",
      async () => {
        const engines = tempDir();
        // It is the same addon; only its manifest differs.
        const addon = relative(join(engines, "tensorflow"), installed?.addon ?? "");
        install(engines, { gpu: true, addon });
        expect(await probeTensorflow({ FSLC_ENGINES: engines })).toMatchObject({
          available: true,
          devices: ["cpu"],
          notes: [
            expect.toBeOneOf([
              {
                kind: "no-gpu",
                why: expect.stringMatching(/^CUDA's libcud.* missing/),
                fix: "fslc engines install tensorflow --gpu",
              },
              {
                kind: "no-gpu",
                why: expect.stringMatching(
                  /^NVIDIA's driver \(libcuda\.so\.1\) is not installed \(libcudart\.so\.12, .* found\)$/,
                ),
                fix: "install the driver of the GPU",
              },
            ]),
          ],
        });
      },
    );
  });
});

describe.skipIf(noCompiler)(
  `a library that misbehaves takes only its own process down${noCompiler ? " (needs a compiler)" : ""}`,
  () => {
    function library(text: string, ...flags: string[]): string {
      const dir = tempDir();
      write(join(dir, "a.cc"), text);
      const path = join(dir, "a.node");
      execFileSync("c++", ["-shared", "-fPIC", "-o", path, join(dir, "a.cc"), ...flags]);
      return path;
    }

    test.each([
      ["abort", "#include <cstdlib>\n__attribute__((constructor)) void f() { abort(); }", "it crashes (SIGABRT)"],
      [
        "a fault",
        "#include <csignal>\n__attribute__((constructor)) void f() { raise(SIGSEGV); }",
        "it crashes (SIGSEGV)",
      ],
      [
        "instructions that the CPU lacks",
        "#include <csignal>\n__attribute__((constructor)) void f() { raise(SIGILL); }",
        "this CPU lacks instructions that it needs (AVX)",
      ],
      ["no addon", "int f() { return 1; }", expect.stringContaining("Module did not self-register")],
    ])("%s", async (_, text, why) => {
      expect(await tryTensorflow(library(text), [])).toEqual({ works: false, why });
    });

    test("a library that it needs and that is gone", async () => {
      const other = library('extern "C" int g() { return 1; }');
      const needed = join(dirname(other), "libgone.so.1");
      execFileSync("c++", ["-shared", "-o", needed, "-Wl,-soname,libgone.so.1", "-x", "c++", "/dev/null"]);
      const addon = library("int f() { return 1; }", "-Wl,--no-as-needed", needed);
      expect(await tryTensorflow(addon, [])).toMatchObject({ works: false, missingLibrary: "libgone.so.1" });
    });
  },
);

test("GPUs are those in TensorFlow's log", () => {
  const at = "2026-01-01 10:00:00.000000: I tensorflow/core/common_runtime/gpu/gpu_device.cc:2020] Created device ";
  const logLine = (i: number, name: string): string =>
    `${at}/job:localhost/replica:0/task:0/device:GPU:${i} with 78907 MB memory:  -> device: ${i}, name: ${name}, pci bus id: 0000:0${i}:00.0, compute capability: 9.0`;
  expect(
    gpusInLog(["noise", logLine(0, "NVIDIA H100 80GB HBM3"), logLine(1, "NVIDIA A40"), "Error: x"].join("\n")),
  ).toEqual(["NVIDIA H100 80GB HBM3", "NVIDIA A40"]);
  expect(gpusInLog("I0000 cpu_feature_guard.cc:227] This TensorFlow binary is optimized")).toEqual([]);
});
