/** Tests that an evaluation that was stopped or killed continues with the episodes that it lacks, and ends in the same bits. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { EvaluateStage } from "../../src/compiler/typed/tree.js";
import { ingest } from "../../src/runtime/data/index.js";
import { ProgressTracker, type StageEvent, StoppedError } from "../../src/runtime/stages/context.js";
import type { PlacedJob } from "../../src/runtime/stages/job.js";
import { runStage } from "../../src/runtime/stages/run-stage.js";
import { damagedParts, episodesInParts } from "../../src/runtime/store/parts.js";
import { allEntries } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { baseline, experiment, images, makeProject, task } from "./tiny.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
let packs: Readonly<Record<string, string>>;
beforeAll(async () => {
  project = await makeProject();
  const signal = new AbortController().signal;
  const places = { cacheDir: projectPaths.data(project), projectDir: project.dir };
  const pack = await ingest(images, { ...places, threads: 1, signal, onProgress: () => {} });
  packs = { d: pack.dir };
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

/** Two rows that read the same embeddings, and some further episodes that share no image. */
const rows = (counts: readonly number[]): EvaluateStage["rows"] =>
  baseline.rows.flatMap((row) => [
    { ...row, episodes: counts[0] ?? 0, label: "1 shot" },
    { ...row, episodes: counts[1] ?? 0, label: "2 shot", task: { ...task, shot: 2 } },
  ]);
const report: EvaluateStage["report"] = [{ kind: "logits" }, { kind: "accuracy_disjoint" }];
/** In runs of 50 episodes. */
const once: EvaluateStage = { ...baseline, rows: rows([170, 60]), report };
/** In runs of 16 and of 12 episodes. */
const direct: EvaluateStage = {
  ...once,
  rows: rows([30, 14]),
  embedOnce: { legal: false, why: "the test wants it so" },
};

/** Runs the evaluation. With `steps`, it is stopped after so many units of work. Returns its notes, or undefined if it was stopped. */
async function evaluate(
  stage: EvaluateStage,
  home: string,
  { steps = Number.POSITIVE_INFINITY, shard }: { readonly steps?: number; readonly shard?: PlacedJob["shard"] } = {},
): Promise<string[]> {
  const at = { dir: project.dir, home: join(project.dir, home) };
  mkdirSync(at.home, { recursive: true });
  const job: PlacedJob = {
    ...{ node: stage.id, target: stage.id, experiment: experiment([stage]), project: at, runDir: at.home },
    ...{ scratch: join(at.home, "scratch"), seed: 0, key: "a".repeat(64), content: null },
    ...(shard === undefined ? {} : { shard }),
    ...{ reuseExact: false, attempt: 1, fresh: false, profile: false, packs, inputs: {} },
    ...{ engine: { name: "reference", device: "cpu" }, threads: { engine: 1, loaders: 1 } },
  };
  const notes: string[] = [];
  const emit = (event: StageEvent): void => {
    if (event.type === "stage.note") notes.push(event.message);
  };
  let made = 0;
  const progress = new ProgressTracker(
    () => made++,
    () => made > steps,
  );
  await runStage({ job, emit, progress }).catch((error: unknown) => {
    if (!(error instanceof StoppedError)) throw error;
  });
  return notes;
}
function storedIn(home: string): unknown[] {
  const entries = allEntries(projectPaths.store({ dir: project.dir, home: join(project.dir, home) }));
  return entries.map(({ manifest: { files, results, output } }) => ({ files, results, output }));
}
/** Returns the folder of the parts of the unfinished evaluation. */
function partsFolder(home: string): string {
  const key = join(project.dir, home, "checkpoints", "a".repeat(64));
  return existsSync(key) ? join(key, readdirSync(key)[0] ?? "") : key;
}

test.each([
  { name: "embeds each image once", stage: once, steps: 4, first: "50 of 174 episodes were computed before" },
  {
    name: "embeds the images of each episode",
    stage: direct,
    steps: 3,
    first: "32 of 34 episodes were computed before",
  },
])(
  "an evaluation that $name is stopped again and again, and ends in the same bits",
  async ({ name, stage, steps, first }) => {
    await evaluate(stage, `${name} whole`);
    const home = `${name} stopped`;
    const notes: string[] = [];
    for (let turn = 0; turn < 10 && storedIn(home).length === 0; turn++)
      notes.push(...(await evaluate(stage, home, { steps })));
    expect(notes.find((note) => note.includes("episodes"))).toBe(first);
    expect(storedIn(home)).toEqual(storedIn(`${name} whole`));
    expect(existsSync(partsFolder(home))).toBe(false);
  },
);

test.each([
  { name: "embeds each image once", stage: once, of: 3 },
  { name: "embeds the images of each episode", stage: direct, of: 2 },
])("an evaluation that $name gives the same bits if several jobs divide its episodes", async ({ name, stage, of }) => {
  const home = `${name} divided`;
  for (let index = 0; index < of; index++) await evaluate(stage, home, { shard: { index, of } });
  expect(storedIn(home)).toEqual([]);
  const notes = await evaluate(stage, home);
  // Each row is taken whole from the parts of the jobs.
  expect(notes.filter((note) => /^(\d+) of \1 episodes were computed before$/.test(note))).toHaveLength(2);
  expect(storedIn(home)).toEqual(storedIn(`${name} whole`));
});

test("a part that is damaged is named, and its episodes are computed again", async () => {
  vi.stubEnv("FSLC_CHECKPOINT_SECONDS", "0");
  const home = "damaged";
  await evaluate(once, home, { steps: 6 });
  const dir = partsFolder(home);
  expect(episodesInParts(dir)).toBe(150);
  const part = (range: string): string =>
    join(dir, readdirSync(dir).find((name) => name.startsWith(`part.row-0.${range}.`)) ?? "");
  const [first, second] = [part("0-50"), part("50-100")];
  truncateSync(first, 40);
  const bytes = readFileSync(second);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(second, bytes);
  expect(damagedParts(dir).sort()).toEqual([first, second].sort());
  const notes = await evaluate(once, home);
  expect(notes.filter((note) => note.includes("damaged")).sort()).toEqual(
    [first, second].map((path) => `the part ${path} is damaged and is removed`).sort(),
  );
  expect(notes).toContain("50 of 174 episodes were computed before");
  expect(notes).toContain("36 of 36 images were computed before");
  expect(storedIn(home)).toEqual(storedIn("embeds each image once whole"));
});
