import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { main } from "../../src/cli/program.js";
import { listRuns } from "../../src/runtime/run/runs.js";
import type { Project } from "../../src/runtime/system/project.js";
import { makeProject } from "../runtime/tiny.js";

// Real runs, of pixels alone: a second or two, and many times that beside others.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let project: Project;
const experiment = (episodes: number) => `fsl 1
import { nearest_neighbor, prototypes } from "fsl:metrics"
import { folder } from "fsl:datasets"
param root = "images"
dataset stripes = folder(root: root) { train resize(20), center_crop(20), normalize  eval resize(20), center_crop(20), normalize }
episode task(w = 2 way, k = 1 shot) = w, k, 2 query
backbone raw { flatten as vector }
evaluate nearest {
  encoder  raw
  metric   nearest_neighbor
  episodes task(w: each [2 way, 3 way], k: each [1 shot, 3 shot]) from stripes.test, ${episodes} episodes
  report   accuracy_disjoint, per_class, confusion
}
evaluate means like nearest { metric prototypes  report accuracy }
evaluate alone { encoder raw  metric prototypes  episodes task from stripes.test, ${episodes} episodes }
`;

async function fslc(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const text = { out: "", err: "" };
  streams.stdout.on("data", (chunk) => {
    text.out += String(chunk);
  });
  streams.stderr.on("data", (chunk) => {
    text.err += String(chunk);
  });
  const code = await main(argv, { ...streams, stdin: process.stdin, env: {} } as never);
  return { code, ...text };
}
const here = (): string[] => ["--project", project.dir];
async function run(
  episodes: number,
  ...options: string[]
): Promise<{ id: string; dir: string; out: string; err: string }> {
  const path = join(project.dir, "stripes.fsl");
  writeFileSync(path, experiment(episodes));
  const { code, out, err } = await fslc("run", path, "--reporter", "plain", ...options);
  expect(err).toContain("done in");
  expect(code).toBe(0);
  const [newest] = listRuns(project);
  return { id: newest?.id ?? "", dir: newest?.dir ?? "", out, err };
}

let first: { id: string; dir: string; out: string; err: string };
beforeAll(async () => {
  project = await makeProject();
  first = await run(60);
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

test("the receipt of a run: rows for ways and shots, both intervals, classes and confusions by name, 80 columns", () => {
  const { out, err } = first;
  for (const row of ["2 way, 1 shot", "2 way, 3 shot", "3 way, 1 shot", "3 way, 3 shot"]) {
    expect(out).toContain(`nearest (${row})`);
  }
  expect(out).toMatch(/accuracy_disjoint +\d+\.\d\d ± \d+\.\d\d % +\d/);
  expect(out).toMatch(/nearest \(2 way, 1 shot\): accuracy of 3 classes\n {2}class +accuracy +queries\n/);
  expect(out).toMatch(/test-\d +test-\d +\d+ +\d+\.\d %/);
  expect(err).toContain("about the images of this split");
  expect(err).toContain("\ncomputed by onnx cpu\n");
  expect(err).toMatch(/nearest: done in \d:\d\d {2}accuracy 2 way, 1 shot \d+\.\d\d ± /);
  for (const line of `${out}${err.slice(err.indexOf("The interval"))}`.split("\n")) {
    expect([...line].length, line).toBeLessThanOrEqual(80);
  }
});

test("runs list and show say what there is, as text and as JSON", async () => {
  const list = await fslc("runs", "list", ...here());
  expect(list.out).toMatch(new RegExp(`${first.id} +stripes\\.fsl +0 +done +nearest \\d`));
  const [entry] = JSON.parse((await fslc("runs", "list", "--json", ...here())).out);
  expect(entry).toMatchObject({ run: first.id, seed: 0, status: "done" });
  const show = await fslc("runs", "show", ...here());
  expect(show.out).toContain("stripes.fsl  seed 0");
  expect(show.out).toContain("scores.json");
  expect(show.out).toMatch(/^nearest +evaluate +\d:\d\d +onnx cpu$/m);
  expect(show.out).toContain("nearest (3 way, 3 shot)");
  const shown = JSON.parse((await fslc("runs", "show", first.id, "--json", ...here())).out);
  expect(shown.evaluations.map((one: { stage: string }) => one.stage)).toEqual(["nearest", "means", "alone"]);
});

test("a run is shown with the weights that it computed, not with those of another engine", async () => {
  const path = join(project.dir, "trained.fsl");
  const text = `fsl 1
import { folder } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
dataset stripes = folder(root: "images") { train resize(8), center_crop(8), normalize  eval resize(8), center_crop(8), normalize }
backbone net { conv(3, 4), relu, flatten as vector }
episode task = 2 way, 1 shot, 2 query
meta proto { encoder net  metric prototypes  episodes task from stripes.train  optimizer sgd(lr: 0.05)  for 1 epoch of 2 episodes, 1 episode per step }
`;
  writeFileSync(path, text);
  const shown = new Set<string>();
  for (const engine of ["onnx", "reference"]) {
    const { code, err } = await fslc("run", path, "--engine", engine, "--reporter", "plain");
    expect(code, err).toBe(0);
    const id = listRuns(project)[0]?.id ?? "";
    const json = JSON.parse((await fslc("runs", "show", id, ...here(), "--json")).out);
    const trained = json.stages.find(({ stage }: { stage: string }) => stage === "proto");
    expect(trained).toMatchObject({ numerics: { engine }, weights: [expect.any(String)] });
    shown.add(trained.weights[0]);
    rmSync(join(project.dir, ".fslc", "runs", id), { recursive: true });
  }
  expect(shown.size).toBe(2);
});

test("two evaluations are compared on the same episodes, row by row of one task", async () => {
  const ends = first.id.slice(-6);
  const { code, out } = await fslc("runs", "compare", `last:nearest`, `${ends}:means`, ...here());
  expect(code).toBe(0);
  expect(out).toContain("accuracy, 3-way 3-shot, 2 queries a class, 60 episodes of the test split");
  expect(out).toMatch(/A - B +[+-]\d+\.\d\d ± \d+\.\d\d points/);
  expect(out).toMatch(/t-test +t = -?\d+\.\d\d with 59 degrees of freedom, p [=<]/);
  const [compared] = JSON.parse((await fslc("runs", "compare", "last:nearest", "last:means", "--json", ...here())).out);
  expect(compared.rows).toHaveLength(4);
  const [row] = compared.rows;
  expect(row.difference.mean).toBeCloseTo(row.a.mean - row.b.mean, 12);
  expect(row).toMatchObject({ metric: "accuracy", episodes: 60, task: { way: 2, shot: 1, query: 2 } });
  const { better, equal, worse } = row.outcomes;
  expect(better + equal + worse).toBe(60);

  const partly = await fslc("runs", "compare", "last:nearest", "last:alone", ...here());
  expect(partly.code).toBe(0);
  expect(partly.out).toContain("not paired: only A has 3-way 3-shot");
  const whole = await fslc("runs", "compare", "last", "last", ...here());
  expect(whole.out).toContain("A - B     +0.00 ± 0.00 points");
});

test("episodes that one run wrote, another is evaluated on: the same numbers, and a pairing", async () => {
  const path = join(project.dir, "given.fsl");
  const text = experiment(60).slice(0, experiment(60).indexOf("evaluate nearest"));
  const stage = "encoder raw  metric prototypes";
  writeFileSync(
    path,
    `${text}evaluate sampled { ${stage}  episodes task from stripes.test, 60 episodes  report episodes }\n`,
  );
  expect((await fslc("run", path, "--quiet")).code).toBe(0);
  const sampled = listRuns(project)[0];
  copyFileSync(join(sampled?.dir ?? "", "results", "sampled", "episodes.json"), join(project.dir, "list.json"));
  writeFileSync(path, `${text}evaluate given { ${stage}  episodes "list.json" from stripes.test }\n`);
  expect((await fslc("run", path, "--quiet")).code).toBe(0);
  const [given] = listRuns(project);
  const numbers = (run: typeof given) =>
    run?.done?.results.map(({ mean, ci95, episodes }) => ({ mean, ci95, episodes }));
  expect(numbers(given)).toEqual(numbers(sampled));
  const { code, out } = await fslc("runs", "compare", sampled?.id ?? "", "last", ...here());
  expect(code).toBe(0);
  expect(out).toContain("equal in 60");

  const list = readFileSync(join(project.dir, "list.json"), "utf8");
  writeFileSync(
    join(project.dir, "list.json"),
    list.replace(/"class":"test-1","support":\["[^"]*"/, '"class":"test-1","support":["lost.png"'),
  );
  const wrong = await fslc("run", path, "--reporter", "plain");
  expect(wrong.code).toBe(1);
  expect(wrong.err).toContain("no image of `test-1` is called so");
  expect(wrong.err).toMatch(/┌ list\.json:\d+:\d+\n/);
  expect(wrong.err).toContain("^^^^^^^^^^");
});

test.each([
  ["manifest.json", '"accuracy"', '"Accuracy"', "its manifest is not as it was written"],
  ["scores.json", "0", "1", "its scores.json is not as it was written"],
])("an edited %s of a run is named, and nothing is compared with it", async (name, from, to, problem) => {
  const path = join(first.dir, "results", "means", name);
  const whole = readFileSync(path, "utf8");
  writeFileSync(path, whole.replace(from, to));
  const compared = await fslc("runs", "compare", `${first.id}:nearest`, `${first.id}:means`, ...here());
  expect(compared.code).toBe(1);
  expect(compared.err).toContain("FSL7054");
  expect(compared.err.replace(/\s+/g, " ")).toContain(
    `the results of \`means\` in the run \`${first.id}\` are damaged: ${problem}`,
  );
  const shown = await fslc("runs", "show", first.id, ...here());
  expect(shown.out).toContain(`! means: its files in this run are damaged: ${problem}`);
  writeFileSync(path, whole);
  expect((await fslc("runs", "compare", `${first.id}:nearest`, `${first.id}:means`, ...here())).code).toBe(0);
});

test("what cannot be paired is refused, and says which of its parts differs", async () => {
  const seeded = await run(60, "--seed", "1");
  const seeds = await fslc("runs", "compare", `${first.id}:means`, `${seeded.id}:means`, ...here());
  expect(seeds.code).toBe(3);
  expect(seeds.err).toContain("FSL7050");
  expect(seeds.err).toContain("A has seed 0, B seed 1");
  // Two runs: the cause of each task once, with the stages that have it.
  const runs = await fslc("runs", "compare", first.id, seeded.id, ...here());
  expect(runs.err).toContain(`\`${first.id}\` and \`${seeded.id}\` cannot be paired: `);
  expect(runs.err.match(/A has seed 0, B seed 1/g)).toHaveLength(4);
  const fewer = await run(40);
  const counts = await fslc("runs", "compare", `${first.id}:means`, `${fewer.id}:means`, ...here());
  expect(counts.err).toContain("A has 60 episodes, B 40");
  const none = await fslc("runs", "compare", "last:means", "last:meens", ...here());
  expect(none.err).toContain("FSL7052");
  expect(none.err).toContain("`nearest`, `means`, `alone`");
  const nowhere = await fslc("runs", "show", "20991231", ...here());
  expect(nowhere.code).toBe(3);
  expect(nowhere.err).toContain("FSL7051");
});
