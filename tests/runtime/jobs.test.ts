/** Tests that independent stages run at the same time, with the numbers that they have one after the other. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { RunEvent } from "../../src/runtime/events/events.js";
import { prepareRun } from "../../src/runtime/run/preflight.js";
import { run } from "../../src/runtime/run/run.js";
import { allEntries } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { experiment, follow, makeProject, type Played } from "./tiny.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));
const fresh = (name: string): Project => ({ dir: project.dir, home: join(project.dir, name) });

/** Returns the largest number of stages that ran at the same time. */
function mostAtOnce(events: readonly RunEvent[]): number {
  const running = new Set<string>();
  return events.reduce((most, event) => {
    if (event.type === "stage.start") running.add(event.stage);
    if (event.type === "stage.done") running.delete(event.stage);
    return Math.max(most, running.size);
  }, 0);
}
const outputsIn = (at: Project) =>
  Object.fromEntries(allEntries(projectPaths.store(at)).map(({ manifest }) => [manifest.stage.id, manifest.output]));

test("two jobs share the cores, and every stage has the numbers of a run with one job and as many threads", async () => {
  const play = (at: Project, options: { threads: number; jobs?: number }): Promise<Played> =>
    follow(run(experiment(), { project: at, ...options }));
  const serial = await play(fresh("serial"), { threads: 1 });
  const parallel = await play(fresh("parallel"), { threads: 2, jobs: 2 });
  expect(mostAtOnce(serial.events)).toBe(1);
  expect(mostAtOnce(parallel.events)).toBe(2);
  expect(parallel.summary).toMatchObject({ status: "done", failures: [], results: serial.summary.results });
  expect(outputsIn(fresh("parallel"))).toEqual(outputsIn(fresh("serial")));
  const starts = parallel.events.flatMap((event) =>
    event.type === "stage.start" && event.engine ? [event.engine] : [],
  );
  expect(new Set(starts.map(({ threads }) => threads))).toEqual(new Set([1]));
});

test("more jobs than cores are refused", () => {
  const refused = prepareRun(experiment(), { project, threads: 2, jobs: 3 });
  if (!("diagnostics" in refused)) throw new Error("not refused");
  expect(refused.diagnostics.map(({ message }) => message)).toEqual([
    "`--jobs` cannot be `3`: each job needs a core, and the run may use 2",
  ]);
});
