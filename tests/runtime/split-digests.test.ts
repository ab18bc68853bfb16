/** A stage depends on the splits that it reads, and on no other split of its dataset. */
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { run } from "../../src/runtime/run/run.js";
import type { Project } from "../../src/runtime/system/project.js";
import { base, experiment, follow, makeProject, proto, result } from "./tiny.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

/** Runs a pretraining on `train`, a training on `train` and `val`, and an evaluation on `test`. Returns the stages that were computed. */
async function computed(): Promise<readonly string[]> {
  const { summary, events } = await follow(run(experiment([base, proto, result]), { project, threads: 2 }));
  expect(summary.failures).toEqual([]);
  return events.flatMap((event) => (event.type === "stage.done" ? [event.stage] : []));
}
/** Adds an image to a class: a copy of an image of another class. */
function addImage(split: string): void {
  const folder = join(project.dir, "images", split);
  copyFileSync(join(folder, `${split}-1`, "0.png"), join(folder, `${split}-0`, "new.png"));
}

test("a new image of one split changes only what reads that split", async () => {
  expect(await computed()).toEqual(["data:d", "base", "proto", "result"]);
  addImage("test");
  expect(await computed()).toEqual(["data:d", "result"]);
  addImage("val");
  expect(await computed()).toEqual(["data:d", "proto"]);
  addImage("train");
  expect(await computed()).toEqual(["data:d", "base", "proto", "result"]);
});
