/** Tests where oneDNN is found, what a probe says of it, and its installation. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { engineEnvironment, engineThreads } from "../../src/runtime/engines/environment.js";
import { installOnednn, removeOnednn } from "../../src/runtime/engines/onednn/install.js";
import { findOnednn, onednnFolder } from "../../src/runtime/engines/onednn/locate.js";
import { koffiFor, wheelFor } from "../../src/runtime/engines/onednn/pins.js";
import { probeOnednn } from "../../src/runtime/engines/onednn/probe.js";
import { tempDir, write } from "../data/support.js";

const here = findOnednn();
const runs = (...[command, ...args]: [string, ...string[]]): boolean => spawnSync(command, args).status === 0;
const [koffi] = koffiFor("linux", "x64") ?? [];
const cannot =
  wheelFor(process.platform, process.arch, "2.36") === undefined ||
  !runs("python3", "-m", "pip", "--version") ||
  !runs("npm", "view", `${koffi?.name}@${koffi?.version}`, "version");

const watch = { step: (): void => undefined, bytes: (): void => undefined };
const { signal } = new AbortController();

test("there is a wheel for Linux on x64 with GNU's C library, and koffi for more", () => {
  expect(wheelFor("linux", "x64", "2.36")?.project).toBe("onednn-cpu-gomp");
  expect(wheelFor("linux", "x64", undefined)).toBeUndefined();
  expect(wheelFor("linux", "arm64", "2.36")).toBeUndefined();
  expect(koffiFor("darwin", "arm64")?.map(({ name }) => name)).toEqual(["koffi", "@koromix/koffi-darwin-arm64"]);
  expect(koffiFor("sunos", "x64")).toBeUndefined();
});

describe("oneDNN is found", () => {
  test("in the engine folder, by its manifest", () => {
    const env = { FSLC_ENGINES: tempDir() };
    expect(findOnednn(env)).toBeUndefined();
    write(join(onednnFolder(env), "installed.json"), "{");
    expect(findOnednn(env)).toBeUndefined();
    write(join(onednnFolder(env), "installed.json"), '{"version":"3.2.0","library":"lib/libdnnl.so.3"}');
    expect(findOnednn(env)).toEqual({
      library: join(onednnFolder(env), "lib/libdnnl.so.3"),
      koffi: join(onednnFolder(env), "node_modules", "koffi"),
    });
  });

  test("where FSLC_ONEDNN says, if koffi is installed", () => {
    const env = { FSLC_ENGINES: tempDir(), FSLC_ONEDNN: "/usr/lib/libdnnl.so.3" };
    expect(findOnednn(env)).toBeUndefined();
    write(join(onednnFolder(env), "installed.json"), '{"version":"3.4.1"}');
    expect(findOnednn(env)?.library).toBe("/usr/lib/libdnnl.so.3");
    expect(findOnednn({ FSLC_ENGINES: env.FSLC_ENGINES })).toBeUndefined();
    // A path within the current folder may be part of a project from somebody else.
    expect(findOnednn({ ...env, FSLC_ONEDNN: "lib/libdnnl.so.3" })).toBeUndefined();
    expect(findOnednn({ ...env, FSLC_ONEDNN: "libdnnl.so.3" })?.library).toBe("libdnnl.so.3");
  });
});

test("its threads are those of OpenMP, and a variable that the user has set wins", () => {
  const engine = { name: "onednn", device: "cpu", threads: 3 };
  const waiting = { OMP_WAIT_POLICY: "PASSIVE", GOMP_SPINCOUNT: "3000" };
  expect(engineEnvironment(engine, {})).toEqual({ OMP_NUM_THREADS: "3", ...waiting });
  expect(engineEnvironment(engine, { OMP_NUM_THREADS: "7" })).toEqual(waiting);
  // A policy of the user decides alone: a number of turns would take its place.
  expect(engineEnvironment(engine, { OMP_WAIT_POLICY: "ACTIVE" })).toEqual({ OMP_NUM_THREADS: "3" });
  expect(engineEnvironment(engine, { GOMP_SPINCOUNT: "0" })).toEqual({
    OMP_NUM_THREADS: "3",
    OMP_WAIT_POLICY: "PASSIVE",
  });
  expect(engineThreads("onednn", 3, { OMP_NUM_THREADS: "7" })).toBe(7);
  expect(engineThreads("onednn", 3, { TF_NUM_INTRAOP_THREADS: "7" })).toBe(3);
});

describe("what a probe says of oneDNN", () => {
  test("that is not installed", async () => {
    expect(await probeOnednn({ FSLC_ENGINES: tempDir() })).toEqual({
      available: false,
      why: "oneDNN is not installed",
      fix: "fslc engines install onednn",
    });
  });

  const installed = test.skipIf(here === undefined);
  const skipped = here === undefined ? " (skipped: fslc engines install onednn)" : "";
  installed(`that works${skipped}`, async () => {
    expect(await probeOnednn()).toEqual({ available: true, version: "3.2.0", devices: ["cpu"] });
  });
  installed(`that is another library${skipped}`, async () => {
    const text = join(tempDir(), "libdnnl.so.3");
    write(text, "no library");
    const found = await probeOnednn({ ...process.env, FSLC_ONEDNN: text });
    expect(found).toMatchObject({ available: false, fix: expect.stringContaining("FSLC_ONEDNN") });
    expect("why" in found && found.why).toMatch(/libdnnl\.so\.3 does not work: .*(too short|invalid ELF)/);
  });
});

test.skipIf(cannot)(
  `an installation works, is not repeated, and is removed${cannot ? " (skipped: needs pip, npm and a wheel for this machine)" : ""}`,
  async () => {
    const env = { ...process.env, FSLC_ENGINES: tempDir() };
    const steps: string[] = [];
    const options = {
      env,
      signal,
      projectDir: tempDir(),
      watch: { ...watch, step: (text: string) => void steps.push(text) },
    };
    expect(await installOnednn(options)).toMatchObject({ version: "3.2.0", folder: onednnFolder(env) });
    expect(await probeOnednn(env)).toMatchObject({ available: true });
    steps.length = 0;
    await installOnednn(options);
    expect(steps).toEqual([`testing oneDNN in ${onednnFolder(env)}`]);
    const removed = await removeOnednn({ env, signal, watch });
    expect(removed?.bytes).toBeGreaterThan(5e7);
    expect(existsSync(onednnFolder(env))).toBe(false);
  },
  300_000,
);
