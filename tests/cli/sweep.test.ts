import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parseSeeds, parseSweep } from "../../src/cli/sweep.js";
import type { PlanReport } from "../../src/compiler/stages/plan/report.js";
import { compileFile } from "../../src/runtime/host/compile-file.js";
import { listRuns } from "../../src/runtime/run/runs.js";
import type { Project } from "../../src/runtime/system/project.js";
import { makeProject } from "../runtime/tiny.js";
import { fslc } from "./command-line.js";

// Real runs, of pixels alone: seconds, and many times that beside others.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let project: Project;
let file = "";
const text = `fsl 1
import { nearest_neighbor, prototypes } from "fsl:metrics"
import { folder } from "fsl:datasets"
param shots = 1 shot
param method: metric = prototypes
dataset stripes = folder(root: "images") { train resize(20), center_crop(20), normalize  eval resize(20), center_crop(20), normalize }
episode task(k = 1 shot) = 2 way, k, 2 query
backbone raw { flatten as vector }
evaluate test { encoder raw  metric method  episodes task(shots) from stripes.test, 20 episodes }
evaluate fixed { encoder raw  metric nearest_neighbor  episodes task from stripes.test, 30 episodes }
`;
beforeAll(async () => {
  project = await makeProject();
  file = join(project.dir, "x.fsl");
  writeFileSync(file, text);
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

const sweep = ["--sweep", "shots=1,3", "--sweep", "method=prototypes,nearest_neighbor", "--seeds", "0..1"];
const run = (...options: string[]) => fslc("run", file, "--engine", "reference", "--reporter", "plain", ...options);

// ---------------------------------------------------------------- from one run to many

test("a sweep is one run: each stage that its variants share runs once, and single runs share with it", async () => {
  const single = await run("--set", "shots=3", "--seed", "1");
  expect(single.code).toBe(0);

  const planned = await run(...sweep, "--dry-run");
  expect(planned.code).toBe(0);
  // One ingest, two seeds of `fixed`, and `test` for two shots, two methods and two seeds.
  expect(planned.out).toContain("11 stages: 8 to run, 3 from the store");
  expect(planned.out).toMatch(/↺ stripes +ingest +packed/);
  expect(planned.out).toMatch(/○ fixed@seed=0 +evaluate +runs/);
  expect(planned.out).toMatch(/↺ fixed@seed=1 +evaluate +from the store/);
  expect(planned.out).toMatch(/↺ test@shots=3,method=prototypes,seed=1 +evaluate +from the store/);
  expect(listRuns(project)).toHaveLength(1);

  const { code, out, err } = await run(...sweep);
  expect(err).toContain("done in");
  expect(code).toBe(0);
  expect(out).toMatch(/stage +method +1 shot +3 shot/);
  expect(out).toContain("the mean over 2 seeds ± the half-width of its 95% t-interval over");
  const [last, first] = listRuns(project);
  expect(last?.done?.stages?.filter(({ from }) => from === "run")).toHaveLength(8);
  expect(last?.start.sweep).toMatchObject({
    params: [
      { name: "shots", unit: "shot", values: [1, 3] },
      { name: "method", values: ["prototypes", "nearest_neighbor"] },
    ],
    seeds: [0, 1],
  });
  expect(last?.start.sweep?.variants).toHaveLength(8);
  expect(last?.start.sweep?.variants[5]).toEqual({
    values: { shots: 3, method: "prototypes" },
    seed: 1,
    stages: { test: "test@shots=3,method=prototypes,seed=1", fixed: "fixed@seed=1" },
  });
  const resultOf = (stage: string, found = last) => found?.done?.results.find((result) => result.stage === stage)?.mean;
  expect(err).toContain("8 variants, seeds 0,1");
  expect(resultOf("test@shots=3,method=prototypes,seed=1")).toBe(resultOf("test", first));

  const again = await run("--dry-run", ...sweep);
  expect(again.out).toContain("11 stages: 0 to run, 11 from the store");
  const other = await run("--dry-run", "--set", "method=nearest_neighbor");
  expect(other.out).toContain("3 stages: 0 to run, 3 from the store");
});

test("two stages of different names that compute the same run once, and --dry-run says so", async () => {
  const other = join(project.dir, "z.fsl");
  const twins = `${text}evaluate again like test { report accuracy }\n`;
  writeFileSync(other, twins.replaceAll("20 episodes", "15 episodes"));
  const { out } = await fslc("run", other, "--sweep", "shots=1,2", "--dry-run");
  expect(out).toMatch(/again@shots=2 +evaluate +the same as test@shots=2\n/);
  expect(out).toContain("6 stages: 2 to run, 2 from the store, 2 the same as others");
  const plan = await fslc("plan", other, "--engine", "reference");
  expect(plan.out).toContain("taken from test, which computes the same");
});

test("--force runs a stage in each variant, and --dry-run prints JSON for programs", async () => {
  const { out } = await fslc("run", file, "--seeds", "3,5", "--force", "test", "--dry-run", "--reporter", "json");
  const plan = JSON.parse(out) as PlanReport;
  expect(plan.seeds).toEqual([3, 5]);
  const forced = plan.stages.filter(({ status }) => !status.cached && status.because.kind === "forced");
  expect(forced.map(({ id }) => id)).toEqual(["test@seed=3", "test@seed=5"]);
});

test("runs list and runs show have a sweep as one run", async () => {
  const list = await fslc("runs", "list", "--project", project.dir);
  expect(list.out).toMatch(/0,1 +done +shots=1,3\n +method=prototypes,nearest_nei…\n[\s\S]*^ +test \d/m);
  const rows = JSON.parse((await fslc("runs", "list", "--project", project.dir, "--json")).out) as {
    sweep?: { seeds: number[]; variants?: unknown };
  }[];
  expect(rows.map(({ sweep }) => sweep?.seeds)).toEqual([[0, 1], undefined]);
  expect(rows[0]?.sweep).not.toHaveProperty("variants");

  const show = await fslc("runs", "show", "--project", project.dir);
  expect(show.out).toContain("seeds 0,1  8 variants");
  expect(show.out.replace(/\s+/g, " ")).toContain(
    'sweep shots = 1 shot, 3 shot, method = "prototypes", "nearest_neighbor"',
  );
  expect(show.out).toMatch(/stage +method +1 shot +3 shot/);
  const [last, first] = listRuns(project);
  const diff = await fslc("runs", "diff", first?.id ?? "", last?.id ?? "", "--project", project.dir);
  expect(diff.out).toMatch(/seed +1 +0, 1/);
  expect(diff.out).toMatch(/parameter +shots +3 shot +1 shot, 3 shot/);
});

test("runs table arranges the results of a run", async () => {
  const table = (...options: string[]) => fslc("runs", "table", "last", "--project", project.dir, ...options);
  const { out, code } = await table("--rows", "shots", "--cols", "method", "--over", "seed", "--markdown");
  expect(code).toBe(0);
  expect(out).toMatch(/^\| shots \| stage \| prototypes \| nearest_neighbor \| method – \|\n/);
  expect((await table("--csv")).out).toMatch(
    /^stage,method,shots,metric,mean,ci95,n,best,transductive\ntest,prototypes,1,/,
  );
  expect((await table("--latex")).out).toContain("\\begin{tabular}{llrrr}");
  const { cells } = JSON.parse((await table("--json")).out) as { cells: { n: number }[] };
  expect(cells.map(({ n }) => n)).toEqual([2, 2, 2, 2, 2]);
});

test.each([
  [["--rows", "shot"], "have no label `shot`; did you mean `shots`?"],
  [["--cols", "x"], "it has `stage`, `shots`, `method` and `seed`"],
  [["--metric", "loss"], "have no metric `loss`; it has `accuracy`"],
  [["--rows", "shots", "--cols", "shots"], "`shots` is named twice"],
  [["--csv", "--json"], "`--csv` and `--json` are both given"],
])("runs table refuses %j", async (options, message) => {
  const { code, err } = await fslc("runs", "table", "--project", project.dir, ...options);
  expect(code).toBe(3);
  expect(err.replace(/\s+/g, " ")).toContain(message);
});

// ---------------------------------------------------------------- sweeps of the file

test("`sweep` lines of a file ask for the variants that the options would, and options come first", async () => {
  const own = join(project.dir, "own.fsl");
  const lines = "sweep shots = 1 shot, 3 shot\nsweep method = prototypes, nearest_neighbor\nsweep seed = 0, 1\n";
  writeFileSync(own, text.replace("dataset stripes", `${lines}dataset stripes`));
  const stagesOf = async (path: string, ...options: string[]) =>
    (
      JSON.parse((await fslc("plan", path, "--json", "--engine", "reference", ...options)).out) as PlanReport
    ).stages.map(({ id, key }) => [id, key]);
  const all = await stagesOf(own);
  expect(all).toHaveLength(11);
  expect(all).toEqual(await stagesOf(file, ...sweep));
  const fewer = await stagesOf(own, "--set", "shots=3", "--sweep", "method=prototypes", "--seed", "1");
  expect(fewer).toEqual(await stagesOf(file, "--set", "shots=3", "--seed", "1"));
  // Without options, a compilation is the first variant.
  expect(compileFile(own, { set: { method: "nearest_neighbor" } }).experiment?.params).toMatchObject([
    { name: "shots", value: 1, origin: "sweep" },
    { name: "method", value: "nearest_neighbor", origin: "--set" },
  ]);
});

test("a mistake of one variant is found by check, at the value", async () => {
  const wrong = join(project.dir, "wrong.fsl");
  writeFileSync(wrong, text.replace("dataset stripes", "sweep shots = 1 shot, 99 shot\ndataset stripes"));
  const { code, err } = await fslc("check", wrong);
  expect(code).toBe(2);
  expect(err).toContain("found with `sweep shots = 99 shot`");
  const numbers = Array.from({ length: 1001 }, (_, i) => `${i + 1} shot`).join(", ");
  writeFileSync(wrong, text.replace("dataset stripes", `sweep shots = ${numbers}\ndataset stripes`));
  expect((await fslc("check", wrong)).err).toContain("the sweep has 1001 variants. At most 1000 are possible");
});

// ---------------------------------------------------------------- mistakes

test("a value of the wrong type is found before anything runs, at its parameter", async () => {
  const { code, err } = await run("--sweep", "shots=1,many");
  expect(code).toBe(2);
  expect(err).toContain("FSL2012");
  expect(err).toContain("x.fsl:4:7");
  expect(err).toContain("it was given by --sweep");
  expect(err).toContain("found with `--set shots=many`");
  const unit = await run("--sweep", "shots=5shot");
  expect(unit.err).toContain("write `--sweep shots=5`");
  const unknown = await run("--sweep", "shot=1,5");
  expect(unknown.err).toContain("FSL2011");
  expect(unknown.err).toContain("did you mean `shots`?");
});

test("two values that mean the same are refused", async () => {
  const { code, err } = await run("--sweep", "shots=1,1 shot");
  expect(code).toBe(3);
  expect(err).toContain("each combination of values is given once");
});

test("a parameter with the name of a label of results cannot be swept", async () => {
  const other = join(project.dir, "y.fsl");
  writeFileSync(other, text.replace("param shots = 1 shot", "param row = 1 shot").replace("task(shots)", "task(row)"));
  const { code, err } = await fslc("run", other, "--sweep", "row=1,3", "--dry-run");
  expect(code).toBe(3);
  expect(err).toContain("FSL7042");
  expect(err.replace(/\s+/g, " ")).toContain("give the parameter another one");
});

test.each([
  [["--seeds", "4..0"], "is no list of seeds. Write `--seeds 0..4` or `--seeds 0,1,7`"],
  [["--seeds", "a"], "is no list of seeds"],
  [["--seeds", "0..1000000"], "is no list of seeds"],
  [["--seeds", "1,1"], "each seed is given once"],
  [["--seeds", "0,1", "--seed", "2"], "are both given"],
  [["--sweep", "shots"], "has no values"],
  [["--sweep", "shots=1,"], "has no values"],
  [["--sweep", "shots=1,1"], "has the value 1 twice"],
  [["--sweep", "shots=1", "--sweep", "shots=5"], "are both given"],
  [["--set", "shots=1", "--sweep", "shots=5"], "`--set shots=1` and `--sweep shots=5` are both given"],
  [["--sweep", "seed=1,2"], "Write `--seeds 0..4`"],
])("%j is refused", async (options, message) => {
  const { code, err } = await run(...options);
  expect(code).toBe(3);
  expect(err.replace(/\s+/g, " ")).toContain(message);
});

test("values are combined in the order in which they are written, and lists keep their commas", () => {
  expect(parseSweep({ sweep: ["a=1,2", "b=[1,2],[3]"] })).toEqual([
    { a: "1", b: "[1,2]" },
    { a: "1", b: "[3]" },
    { a: "2", b: "[1,2]" },
    { a: "2", b: "[3]" },
  ]);
  expect(parseSeeds({ seeds: "2..4" })).toEqual([2, 3, 4]);
  expect(parseSeeds({ seeds: "7, 0" })).toEqual([7, 0]);
});
