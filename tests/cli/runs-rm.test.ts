/** `fslc runs rm`, and the filters of `fslc runs list`. */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunEvent } from "../../src/runtime/events/events.js";
import { createRunFolder, newRunId } from "../../src/runtime/run/run-folder.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { fslc } from "./command-line.js";

let project: Project;
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-runs-"));
  project = { dir, home: join(dir, ".fslc") };
});
afterEach(() => rmSync(project.dir, { recursive: true, force: true }));

type Status = Extract<RunEvent, { type: "run.done" }>["status"];

/** Begins a run on a day of November 2026. */
function begin(day: number, file: string) {
  const time = Date.UTC(2026, 10, day);
  const folder = createRunFolder(project, newRunId(new Date(time)));
  folder.append({ time, type: "run.start", run: folder.id, file, version: "0.1.0", seed: 0, stages: [] });
  return folder;
}
function ended(day: number, file: string, status?: Status): string {
  const folder = begin(day, file);
  const time = Date.UTC(2026, 10, day, 1);
  if (status !== undefined) folder.append({ time, type: "run.done", status, results: [], seconds: 3600, stages: [] });
  folder.close();
  return folder.id;
}
const here = (): string[] => ["--project", project.dir];
async function listed(...options: string[]): Promise<string[]> {
  const { out } = await fslc("runs", "list", "--json", ...options, ...here());
  return (JSON.parse(out) as { run: string }[]).map(({ run }) => run);
}

test("filters take the runs of a status, of an experiment, and of the time since a date or an age", async () => {
  const first = ended(1, "a.fsl", "done");
  const second = ended(2, "birds/b.fsl", "failed");
  const third = ended(3, "a.fsl");
  expect(await listed("--status", "failed")).toEqual([second]);
  expect(await listed("--status", "unfinished")).toEqual([third]);
  expect(await listed("--file", join(project.dir, "birds", "b.fsl"))).toEqual([second]);
  expect(await listed("--file", "a.fsl")).toEqual([third, first]);
  expect(await listed("--since", "2026-11-02")).toEqual([third, second]);
  expect(await listed("--since", "2026-11-02T00:01", "--file", "a.fsl")).toEqual([third]);
  expect(await listed("--since", "5000w")).toEqual([third, second, first]);
  const none = await fslc("runs", "list", "--status", "interrupted", ...here());
  expect(none.out).toBe(`no such runs in ${project.dir}\n`);
});

test.each([
  ["--status", "running", "is none of done, failed, interrupted, unfinished"],
  ["--since", "yesterday", "is neither a date such as"],
  ["--since", "2026-13-40", "is neither a date such as"],
])("%s %s is refused", async (option, value, why) => {
  const { code, err } = await fslc("runs", "list", option, value, ...here());
  expect(code).toBe(3);
  expect(err.replace(/\s+/g, " ")).toContain(why);
});

test("a removed run is gone, and the others stay", async () => {
  const [first, second, third] = [ended(1, "a.fsl", "done"), ended(2, "a.fsl", "done"), ended(3, "a.fsl")];
  const removed = await fslc("runs", "rm", first, "last", ...here());
  expect(removed.code).toBe(0);
  expect(removed.out).toMatch(new RegExp(`^removed ${first} \\(\\d+ B\\)\nremoved ${third} \\(\\d+ B\\)\n$`));
  expect(readdirSync(projectPaths.runs(project))).toEqual([second]);
});

test("one wrong name, and nothing is removed", async () => {
  const first = ended(1, "a.fsl", "done");
  const { code, err } = await fslc("runs", "rm", first, "20991231", ...here());
  expect(code).toBe(3);
  expect(err).toContain("FSL7051");
  expect(await listed()).toEqual([first]);
});

test("a run that is going on is not removed", async () => {
  const first = ended(1, "a.fsl", "done");
  const going = begin(2, "a.fsl");
  const { code, err } = await fslc("runs", "rm", first, going.id, ...here());
  expect(code).toBe(3);
  expect(err).toContain("FSL7055");
  expect(await listed()).toEqual([going.id, first]);
  going.close();
  expect((await fslc("runs", "rm", going.id, ...here())).code).toBe(0);
});

test("a run of another project is not removed", async () => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-runs-"));
  const { err } = await fslc(
    "runs",
    "rm",
    join(projectPaths.runs(project), ended(1, "a.fsl", "done")),
    "--project",
    dir,
  );
  expect(err).toContain("it is in another project");
  expect(existsSync(project.home)).toBe(true);
  rmSync(dir, { recursive: true });
});

test("of a link among the runs, only the link is removed", async () => {
  const first = ended(1, "a.fsl", "done");
  const [link, elsewhere] = [join(projectPaths.runs(project), first), join(project.dir, "elsewhere")];
  renameSync(link, elsewhere);
  symlinkSync(elsewhere, link);
  expect((await fslc("runs", "rm", first, ...here())).code).toBe(0);
  expect(await listed()).toEqual([]);
  expect(readdirSync(elsewhere)).toContain("events.ndjson");
});
