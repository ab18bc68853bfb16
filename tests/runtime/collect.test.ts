/** Tests what `fslc store gc` removes and what it keeps: everything that a kept run needs. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type CollectionOptions, collect } from "../../src/runtime/run/collect.js";
import { run } from "../../src/runtime/run/run.js";
import { createRunFolder, newRunId, type RunFolder } from "../../src/runtime/run/run-folder.js";
import { whileReading } from "../../src/runtime/run/while-reading.js";
import { Checkpoints } from "../../src/runtime/store/checkpoints.js";
import { numericsId } from "../../src/runtime/store/numerics.js";
import { writeEntry } from "../../src/runtime/store/store.js";
import { recordUse } from "../../src/runtime/store/uses.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { finished, weights } from "./stored.js";
import { experiment, follow, makeProject } from "./tiny.js";

let project: Project;
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-collect-"));
  project = { dir, home: join(dir, ".fslc") };
  vi.stubEnv("FSLC_ENGINES", join(dir, "engines"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(project.dir, { recursive: true, force: true });
});

const day = 86_400_000;
const key = (letter: string): string => letter.repeat(64);

/** Begins a run some days ago, which uses stages and data. */
function begin(daysAgo: number, keys: readonly string[], files: readonly string[] = []): RunFolder {
  const time = Date.now() - daysAgo * day;
  const folder = createRunFolder(project, newRunId(new Date(time)));
  const inputs = {
    params: [],
    asked: {},
    sources: [],
    files: files.map((path) => ({ path, digest: "" })),
    system: { node: "", platform: "", arch: "" },
  };
  folder.append({ time, type: "run.start", run: folder.id, file: "a.fsl", version: "", seed: 0, inputs, stages: [] });
  for (const one of keys) recordUse(folder.dir, one);
  return folder;
}
function ended(daysAgo: number, keys: readonly string[], files: readonly string[] = []): string {
  const folder = begin(daysAgo, keys, files);
  folder.close();
  return folder.id;
}
const store = async (letter: string) =>
  await writeEntry(projectPaths.store(project), finished({ key: key(letter), weights: weights(1) }));
const stored = (): string[] =>
  readdirSync(projectPaths.store(project))
    .map((name) => name[0] ?? "")
    .sort();

/** Collects, and returns the paths in the project that go, with the reasons. The dry run before must say the same. */
async function removedBy(options: CollectionOptions = {}): Promise<string[]> {
  const planned = await collect(project, { ...options, dryRun: true });
  for (const { path } of planned.removed) expect(existsSync(path)).toBe(true);
  const done = await collect(project, options);
  expect({ ...done, dryRun: true }).toEqual(planned);
  for (const { path } of done.removed) expect(existsSync(path)).toBe(false);
  return done.removed.map(({ path, because }) => `${basename(path)}: ${because}`);
}

describe("stages", () => {
  test("those of no run go, and those of any run stay", async () => {
    for (const letter of ["a", "b", "c"]) await store(letter);
    ended(1, [key("a")]);
    ended(2, [key("a"), key("c")]);
    expect(await removedBy()).toHaveLength(1);
    expect(stored()).toEqual(["a", "c"]);
    expect(await removedBy()).toEqual([]);
  });

  test.each<[string, CollectionOptions, string[]]>([
    ["the last run", { keepLast: 1 }, ["a"]],
    ["the last two", { keepLast: 2 }, ["a", "b"]],
    ["the runs of ten days", { olderThan: 10 * day }, ["a", "b"]],
    ["the last run and those of ten days", { keepLast: 1, olderThan: 10 * day }, ["a", "b"]],
    ["the last three and those of ten days", { keepLast: 3, olderThan: 10 * day }, ["a", "b", "c"]],
    ["no run", { keepLast: 0 }, []],
  ])("the stages of %s are kept, and the folders of all runs stay", async (_, options, wanted) => {
    for (const letter of ["a", "b", "c"]) await store(letter);
    for (const [letter, age] of [
      ["a", 1],
      ["b", 5],
      ["c", 20],
    ] as const)
      ended(age, [key(letter)]);
    await removedBy(options);
    expect(stored()).toEqual(wanted);
    expect(readdirSync(projectPaths.runs(project))).toHaveLength(3);
  });

  test("weights that a kept run names by their path stay", async () => {
    const entry = await store("a");
    ended(1, [], [`.fslc/store/${key("a")}/${basename(entry.dir)}/weights.safetensors`]);
    expect(await removedBy()).toEqual([]);
  });

  test("a run of an older version, which recorded no uses, keeps the stages that it finished", async () => {
    for (const letter of ["a", "b", "c"]) await store(letter);
    const time = Date.now();
    const whole = begin(1, []);
    const stages = [{ id: "s", key: key("a"), from: "run" as const }];
    whole.append({ time, type: "run.done", status: "done", results: [], seconds: 1, stages });
    whole.close();
    const killed = begin(1, []);
    killed.append({ time, type: "stage.done", stage: "s", key: key("b"), seconds: 1, results: [] });
    killed.close();
    await removedBy();
    expect(stored()).toEqual(["a", "b"]);
  });

  test("where the uses of a run cannot be read, nothing is removed", async () => {
    await store("a");
    mkdirSync(join(begin(1, []).dir, "uses.txt"));
    await expect(collect(project, {})).rejects.toThrow(/nobody knows what the runs in/);
    expect(stored()).toEqual(["a"]);
  });

  test("what was found damaged and what a killed process left go", async () => {
    const { dir } = await store("a");
    ended(1, [key("a")]);
    mkdirSync(`${dir}.damaged-01234567`);
    const left = join(projectPaths.store(project), ".writing.tmp-00000000-1-01234567");
    mkdirSync(left);
    utimesSync(left, 0, 0);
    expect(await removedBy()).toEqual([
      `${basename(dir)}.damaged-01234567: damaged`,
      ".writing.tmp-00000000-1-01234567: leftover",
    ]);
    expect(readdirSync(join(dir, ".."))).toEqual([basename(dir)]);
  });
});

test("checkpoints stay while a kept run may continue with them, and go when their stage is finished", async () => {
  const { manifest } = await store("a");
  const { numerics } = manifest;
  for (const letter of ["a", "b", "c"]) {
    const at = new Checkpoints(projectPaths.checkpoints(project), { key: key(letter), numerics, version: "1" });
    await at.write({ step: 1, history: [], tensors: {} });
  }
  ended(1, [key("a"), key("b")]);
  expect(await removedBy()).toEqual([`${numericsId(numerics)}-1: finished`, `${numericsId(numerics)}-1: unused`]);
  expect(readdirSync(projectPaths.checkpoints(project))).toEqual([key("b")]);
});

test("packs go only if that is asked for, fits if every kept run is newer, engines of other versions if that is asked for", async () => {
  const packs = join(projectPaths.data(project), "packs");
  for (const name of ["1".repeat(32), "2".repeat(32), `${"3".repeat(32)}.damaged`]) {
    mkdirSync(join(packs, name), { recursive: true });
  }
  mkdirSync(projectPaths.fits(project), { recursive: true });
  for (const [name, time] of [
    ["old", 0],
    ["new", Date.now() / 1000],
  ] as const) {
    writeFileSync(join(projectPaths.fits(project), `${name}.safetensors`), "");
    utimesSync(join(projectPaths.fits(project), `${name}.safetensors`), time, time);
  }
  for (const name of ["onnx-0.9.0", "tensorflow-2"]) mkdirSync(join(project.dir, "engines", name), { recursive: true });
  ended(1, ["1".repeat(64)]);
  expect(await removedBy()).toEqual(["old.safetensors: unused"]);
  expect(await removedBy({ packs: true, engines: true })).toEqual([
    `${"2".repeat(32)}: unused`,
    `${"3".repeat(32)}.damaged: damaged`,
    "onnx-0.9.0: old",
  ]);
});

describe("beside other processes", () => {
  test("what a run that is going on uses stays, whatever is kept; packs and fits stay altogether", async () => {
    for (const letter of ["a", "b"]) await store(letter);
    mkdirSync(join(projectPaths.data(project), "packs", "1".repeat(32)), { recursive: true });
    const going = begin(50, [key("a")]);
    const made = await collect(project, { keepLast: 0, packs: true });
    expect(made).toMatchObject({ staying: ["fit", "pack"], keptRuns: [going.id], removed: [{ key: key("b") }] });
    going.close();
    await collect(project, { keepLast: 0, packs: true });
    expect(stored()).toEqual([]);
    expect(readdirSync(join(projectPaths.data(project), "packs"))).toEqual([]);
  });

  test("nothing that is stored goes while a command reads it, which records no uses", async () => {
    await store("a");
    mkdirSync(join(projectPaths.data(project), "packs", "1".repeat(32)), { recursive: true });
    await whileReading(project, async () => {
      expect((await collect(project, { packs: true })).removed).toEqual([]);
    });
    expect((await collect(project, { packs: true })).removed).toHaveLength(2);
  });

  test("collections that never end take nothing from runs", { timeout: 240_000 }, async () => {
    vi.unstubAllEnvs(); // These runs need the engines of this machine.
    const real = await makeProject();
    const play = () => follow(run(experiment(), { project: real, threads: 2 }));
    let going = true;
    const collections = (async () => {
      let number = 0;
      for (; going; number++) {
        await collect(real, { keepLast: 0, packs: true });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return number;
    })();
    const first = await play();
    going = false;
    expect(await collections).toBeGreaterThan(3);
    expect(first.summary.status).toBe("done");
    await collect(real, {});
    const again = await play();
    expect(again.events.filter(({ type }) => type === "stage.cached")).toHaveLength(5);
    expect(again.summary.results).toEqual(first.summary.results);
    rmSync(real.dir, { recursive: true, force: true });
  });
});
