/** Single faults of an entry of the store: none is served, each is named and moved aside, and the stage can be stored again. */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { resultsDir, saveResults } from "../../src/runtime/store/run-results.js";
import {
  allEntries,
  type Finished,
  findEntry,
  findSoundEntry,
  type StoreEntry,
  writeEntry,
} from "../../src/runtime/store/store.js";
import { finished, key, weights } from "./stored.js";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fslc-store-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const evaluated = finished({
  results: [{ metric: "accuracy", mean: 0.5, ci95: 0.01, episodes: 600 }],
  files: [{ name: "scores.json", bytes: Buffer.from('{"scores": [0.25, 0.75]}') }],
});
const trained = { ...evaluated, weights: weights(1.5) };

/** Serves the key, and returns what was said of damage. */
function serve(): { readonly entry: StoreEntry | undefined; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const entry = findSoundEntry(root, key, {}, (note) => notes.push(note));
  return { entry, notes };
}

const edit = (dir: string, from: string, to: string): void => {
  const path = join(dir, "manifest.json");
  writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
};
const faults: readonly (readonly [string, Finished, (dir: string) => void])[] = [
  ["an edited result", evaluated, (dir) => edit(dir, '"mean": 0.5', '"mean": 0.9')],
  ["an edited validation", trained, (dir) => edit(dir, '"accuracy": 0.5', '"accuracy": 0.9')],
  ["an edited seed", trained, (dir) => edit(dir, '"seed": 0', '"seed": 1')],
  ["a manifest cut off", trained, (dir) => truncateSync(join(dir, "manifest.json"), 100)],
  ["an empty manifest", trained, (dir) => writeFileSync(join(dir, "manifest.json"), "")],
  ["no manifest", trained, (dir) => rmSync(join(dir, "manifest.json"))],
  ["weights of 0 bytes", trained, (dir) => writeFileSync(join(dir, "weights.safetensors"), "")],
  ["weights cut off", trained, (dir) => truncateSync(join(dir, "weights.safetensors"), 80)],
  ["no weights", trained, (dir) => rmSync(join(dir, "weights.safetensors"))],
  ["edited scores", evaluated, (dir) => writeFileSync(join(dir, "scores.json"), '{"scores": [0.75, 0.25]}')],
];

test.each(faults)("%s is not served: it is moved aside, and can be stored again", async (_name, finished, damage) => {
  const { dir } = await writeEntry(root, finished);
  expect(serve()).toMatchObject({ entry: { dir }, notes: [] });
  damage(dir);
  const { entry, notes } = serve();
  expect(entry).toBeUndefined();
  expect(notes).toHaveLength(1);
  expect(notes[0]).toMatch(
    /^the stored result is damaged: its? .*\. It was moved to .*\.damaged-\w+ and is computed again$/,
  );
  expect(existsSync(dir)).toBe(false);
  expect(readdirSync(join(root, key))).toEqual([expect.stringContaining(".damaged-")]);
  expect(allEntries(root)).toEqual([]);
  const again = await writeEntry(root, finished);
  expect(serve()).toMatchObject({ entry: { dir: again.dir }, notes: [] });
});

test("no flipped bit of any file is served", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("manifest.json", "weights.safetensors", "scores.json"),
      fc.nat(),
      fc.nat(7),
      async (name, at, bit) => {
        rmSync(root, { recursive: true, force: true });
        const { dir, manifest } = await writeEntry(root, trained);
        const path = join(dir, name);
        const bytes = readFileSync(path);
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ (1 << bit);
        writeFileSync(path, bytes);
        const { entry, notes } = serve();
        // A flipped bit in the white space of the manifest changes nothing that it says.
        if (entry === undefined) expect(notes).toHaveLength(1);
        else expect(entry.manifest).toEqual(manifest);
      },
    ),
    { numRuns: 150 },
  );
});

test("an entry that was stored before there were seals is held by its other digests", async () => {
  const { dir } = await writeEntry(root, evaluated);
  edit(dir, /,\s*"seal": "\w+"/.exec(readFileSync(join(dir, "manifest.json"), "utf8"))?.[0] ?? "no seal", "");
  expect(serve().entry?.manifest.seal).toBeUndefined();
  edit(dir, '"mean": 0.5', '"mean": 0.9');
  expect(serve()).toMatchObject({ entry: undefined, notes: [expect.stringContaining("its results are not")] });
});

test("files of the system in the store are passed over", async () => {
  const { dir } = await writeEntry(root, trained);
  for (const place of [root, join(root, key), dir]) writeFileSync(join(place, ".DS_Store"), "x");
  writeFileSync(join(root, "Thumbs.db"), "x");
  mkdirSync(join(root, key, "empty"));
  expect(allEntries(root).map((entry) => entry.dir)).toEqual([dir]);
  expect(serve().entry?.dir).toBe(dir);
});

test("a second writer leaves one entry, and there is one at every moment", async () => {
  const first = await writeEntry(root, trained);
  const second = await writeEntry(root, { ...trained, created: "2026-11-25T00:00:00.000Z" });
  expect(basename(second.dir).startsWith(basename(first.dir))).toBe(true);
  expect(readdirSync(join(root, key))).toEqual([basename(second.dir)]);
  expect(serve().entry?.manifest.created).toBe("2026-11-25T00:00:00.000Z");
  expect((await writeEntry(root, trained)).dir).not.toBe(second.dir);
});

test("a plan finds no entry whose files have another size", async () => {
  const { dir } = await writeEntry(root, trained);
  expect(findEntry(root, key, {})?.dir).toBe(dir);
  truncateSync(join(dir, "weights.safetensors"), 80);
  expect(findEntry(root, key, {})).toBeUndefined();
});

test.each([
  ["before", "2026-11-24T00:00:00.000Z"],
  ["after", "2026-11-25T00:00:00.000Z"],
] as const)("a replacement that is killed %s its rename leaves a complete entry", async (moment, served) => {
  await writeEntry(root, trained);
  const next = { ...trained, created: "2026-11-25T00:00:00.000Z", files: [] };
  const { signal } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, "fixtures", "killed-writer.mjs"), moment, root, JSON.stringify(next)],
    { stdio: "inherit" },
  );
  expect(signal).toBe("SIGKILL");
  expect(serve()).toMatchObject({ entry: { manifest: { created: served } }, notes: [] });
  // The next writer leaves one entry again.
  const last = await writeEntry(root, { ...trained, created: "2026-11-26T00:00:00.000Z" });
  expect(readdirSync(join(root, key))).toEqual([basename(last.dir)]);
});

test("who edits the results of a run does not edit the store", async () => {
  const entry = await writeEntry(root, evaluated);
  const run = join(root, ".run");
  saveResults(run, "test", entry);
  writeFileSync(join(resultsDir(run, "test"), "scores.json"), "{}");
  expect(serve()).toMatchObject({ entry: { dir: entry.dir }, notes: [] });
});

test("an entry that another process moves away meanwhile is passed over", async () => {
  const dirs: string[] = [];
  for (const threads of [1, 2]) {
    const numerics = { ...trained.numerics, threads };
    const { dir } = await writeEntry(root, { ...trained, numerics });
    rmSync(join(dir, "manifest.json"));
    dirs.push(dir);
  }
  const notes: string[] = [];
  const entry = findSoundEntry(root, key, {}, (note) => {
    notes.push(note);
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  });
  expect(entry).toBeUndefined();
  expect(notes).toHaveLength(1);
});

test("a file in the place of the store is named", () => {
  rmSync(root, { recursive: true });
  writeFileSync(root, "");
  expect(() => allEntries(root)).toThrow(/cannot be written: a file lies where a folder should be/);
});
