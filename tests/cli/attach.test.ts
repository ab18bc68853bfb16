/** `fslc attach` and `fslc cancel`, and the options that choose a cluster. */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunEvent } from "../../src/runtime/events/events.js";
import { watchRequests } from "../../src/runtime/run/requests.js";
import { createRunFolder } from "../../src/runtime/run/run-folder.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { fslc } from "./command-line.js";
import { fakeRun } from "./fake-run.js";

let project: Project;
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-attach-"));
  project = { dir, home: join(dir, ".fslc") };
  writeFileSync(join(dir, "package.json"), "{}");
});
afterEach(() => rmSync(project.dir, { recursive: true, force: true }));

const id = "20260101-120000";
const events = fakeRun({ steps: 4, stepsPerEpoch: 2 });
const eventsFile = (): string => join(projectPaths.runs(project), id, "events.ndjson");
function write(some: readonly RunEvent[]): void {
  mkdirSync(join(projectPaths.runs(project), id), { recursive: true });
  for (const event of some) appendFileSync(eventsFile(), `${JSON.stringify(event)}\n`);
}
const here = (): string[] => ["--project", project.dir];

test("attach shows a run from its beginning, also what comes while it watches, and ends with the run", async () => {
  const folder = createRunFolder(project, id);
  for (const event of events.slice(0, 5)) folder.append(event);
  const watching = fslc("attach", ...here(), "--reporter", "json");
  setTimeout(() => {
    for (const event of events.slice(5)) folder.append(event);
    folder.close();
  }, 50);
  const { code, out } = await watching;
  expect(
    out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as RunEvent),
  ).toEqual(JSON.parse(JSON.stringify(events)));
  expect(code).toBe(0);
});

test("attach replays a run that has ended, with its results", async () => {
  write(events);
  const { code, out, err } = await fslc("attach", id, ...here());
  expect(code).toBe(0);
  expect(err).toMatch(/run done in/);
  expect(out).toMatch(/accuracy/);
});

test("attach says of a run whose process was killed how to continue it", async () => {
  write(events.slice(0, -1));
  const { code, err } = await fslc("attach", ...here());
  expect(code).toBe(130);
  expect(err).toContain(`the process of the run ${id} was killed; the same \`fslc run\` goes on where it was`);
});

test("cancel asks the process of a run to stop, and waits for its end", async () => {
  const folder = createRunFolder(project, id);
  folder.append(events[0] as RunEvent);
  const asked: string[] = [];
  const stop = (how: string) => (): void => {
    asked.push(how);
    folder.append({ time: 1, type: "run.done", status: "interrupted", results: [], seconds: 1 });
    folder.close();
  };
  const requests = watchRequests(folder.dir, { stop: stop("stop"), abort: stop("abort") });
  const { code, out } = await fslc("cancel", ...here());
  requests.close();
  expect([code, out, asked]).toEqual([0, `${id}: interrupted\n`, ["stop"]]);
  const again = await fslc("cancel", ...here());
  expect([again.code, again.err]).toEqual([1, `the run ${id} is not going on\n`]);
  expect(existsSync(join(folder.dir, "stop-requested"))).toBe(false);
});

test.each([
  { name: "no file", text: undefined, why: "there is no such file" },
  { name: "no JSON", text: "{", why: "it is not JSON" },
  {
    name: "an unknown setting",
    text: '{"cluster": {"executor": "slurm", "partitions": "gpu"}}',
    why: "`/cluster` must NOT have additional properties",
  },
  { name: "another name", text: '{"clustre": {"executor": "slurm"}}', why: "it has no such cluster" },
])("a cluster that cannot be used is named: $name", async ({ text, why }) => {
  const experiment = join(project.dir, "e.fsl");
  writeFileSync(experiment, "fsl 1\nparam a = 1\n");
  if (text !== undefined) writeFileSync(join(project.dir, "fslc.clusters.json"), text);
  const { code, err } = await fslc("run", experiment, "--cluster", "cluster");
  expect(code).toBe(2);
  expect(err).toContain("FSL7080");
  expect(err.replace(/\s+/g, " ")).toContain(why);
});

test("an unknown executor, and one that contradicts the cluster, are mistakes of the command line", async () => {
  const experiment = join(project.dir, "e.fsl");
  writeFileSync(experiment, "fsl 1\nparam a = 1\n");
  writeFileSync(join(project.dir, "fslc.clusters.json"), '{"cluster": {"executor": "slurm"}}');
  expect((await fslc("run", experiment, "--executor", "slrum")).err).toContain("there is no executor `slrum`");
  const both = await fslc("run", experiment, "--executor", "local", "--cluster", "cluster");
  expect([both.code, both.err]).toEqual([3, expect.stringContaining("contradict each other")]);
  writeFileSync(
    experiment,
    'fsl 1\nimport { emoji } from "fsl:datasets"\nimport { prototypes } from "fsl:metrics"\ndataset d = emoji() { train resize(8), normalize  eval resize(8), normalize }\nepisode task = 5 way, 1 shot, 3 query\nbackbone raw { flatten as vector }\nevaluate t { encoder raw  metric prototypes  episodes task from d.test, 9 episodes }\n',
  );
  const planned = await fslc("plan", experiment, "--cluster", "cluster", "--threads", "3", "--engine", "reference");
  expect(planned.out).toContain("jobs: executor slurm, cpus 3\n");
});
