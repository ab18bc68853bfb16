/** The folders of earlier runs, as they are listed and found. */
import { appendFileSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parameterText } from "../../src/runtime/run/diff.js";
import { createRunFolder, newRunId } from "../../src/runtime/run/run-folder.js";
import { endsOfStages, findRun, listRuns } from "../../src/runtime/run/runs.js";
import { projectPaths } from "../../src/runtime/system/project.js";

test("runs that began in one second are listed by when they began, whatever their ids", () => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-runs-"));
  const project = { dir, home: join(dir, ".fslc") };
  const second = Date.UTC(2026, 0, 1);
  // The ids' ends are random: of eight in a row, sorting by name keeps the order once in forty thousand times.
  const began = [7, 1, 5, 3, 0, 6, 2, 4].map((time) => {
    const folder = createRunFolder(project, newRunId(new Date(second)));
    folder.append({
      type: "run.start",
      time: second + time,
      run: folder.id,
      file: "a.fsl",
      version: "0",
      seed: 0,
      stages: [],
    });
    folder.close();
    return { time, id: folder.id };
  });
  const newestFirst = began.sort((a, b) => b.time - a.time).map(({ id }) => id);
  expect(listRuns(project).map(({ id }) => id)).toEqual(newestFirst);
  expect(findRun(project, "last").id).toBe(newestFirst[0]);
});

test("the ends of stages are found among megabytes of steps, and half a line at the end is none", () => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-runs-"));
  const project = { dir, home: join(dir, ".fslc") };
  const folder = createRunFolder(project, newRunId(new Date(0)));
  folder.append({ type: "run.start", time: 0, run: folder.id, file: "ä.fsl", version: "0", seed: 0, stages: [] });
  const stages = ["grün", "blå", "łódź"];
  for (const [i, stage] of stages.entries()) {
    for (let step = 1; step <= 4000; step++) {
      const numbers = { step, steps: 4000, epoch: 1, loss: 1 / step, accuracy: 0.5, lr: 0.1, itemsPerSecond: 7 };
      folder.append({ type: "stage.step", time: step, stage, ...numbers, unit: "images" });
    }
    const alone = { stage, metric: "accuracy_disjoint", mean: 0.5, ci95: Number.NaN, episodes: 1 };
    folder.append({ type: "stage.done", time: i, stage, key: "k", seconds: 1, results: [alone] });
  }
  folder.close();
  appendFileSync(join(folder.dir, "events.ndjson"), '{"type":"stage.done","sta');
  const [run] = listRuns(project);
  if (run === undefined) throw new Error("it began");
  const ends = endsOfStages(run);
  expect(ends.map(({ type, stage }) => [type, stage])).toEqual(stages.map((stage) => ["stage.done", stage]));
  // One episode has no interval, which JSON has no word for: it is not one of width 0.
  for (const end of ends) expect("results" in end && end.results[0]?.ci95).toBeNaN();
});

test("a run that cannot be read is named, and hides no other", () => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-runs-"));
  const project = { dir, home: join(dir, ".fslc") };
  const folder = createRunFolder(project, newRunId(new Date(0)));
  folder.append({ type: "run.start", time: 0, run: folder.id, file: "a.fsl", version: "0", seed: 0, stages: [] });
  folder.close();
  const loop = join(projectPaths.runs(project), "loop");
  symlinkSync("loop", loop);
  const unreadable: string[] = [];
  const runs = listRuns(project, (path, why) => void unreadable.push(`${path}: ${why}`));
  expect(runs.map(({ id }) => id)).toEqual([folder.id]);
  expect(unreadable).toEqual([`${loop}: its links lead in a circle`]);
  expect(() => findRun(project, loop)).toThrow("there is no such run");
});

test.each([
  [1, "episode", "1 episode"],
  [60, "episode", "60 episodes"],
  [5, "shot", "5 shot"],
] as const)("a parameter of %s %s is printed as %s, as the language writes it", (value, unit, text) => {
  expect(parameterText({ value, unit })).toBe(text);
});
