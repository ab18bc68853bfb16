import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { compile, plan, RefusedError, run } from "../../src/index.js";
import type { Project } from "../../src/runtime/system/project.js";
import { follow, makeProject } from "./tiny.js";

const text = `fsl 1
import { folder }                      from "fsl:datasets"
import { nearest_neighbor, prototypes } from "fsl:metrics"

param shots = 1 shot

dataset stripes = folder(root: "images") {
  train  resize(20), center_crop(20), flip, normalize
  eval   resize(20), center_crop(20), normalize
}
backbone small { repeat 2 { conv(3, 8), batch_norm, relu, max_pool(2) } flatten as vector }
backbone raw { flatten as vector }
episode task(k = shots) = 2 way, k, 3 query

meta proto {
  encoder   small
  metric    prototypes
  episodes  task from stripes.train
  optimizer adam(lr: 0.01)
  for       2 epochs of 8 episodes, 2 episodes per step
  validate  task from stripes.val, 20 episodes, every epoch, keep best
}
evaluate result {
  of        proto
  episodes  task(k: each [1 shot, 2 shot]) from stripes.test, 40 episodes
  report    accuracy, confusion
}
evaluate pixels {
  encoder   raw
  metric    nearest_neighbor
  episodes  task from stripes.test, 40 episodes
  report    accuracy
}
`;

// Real runs: seconds alone on two cores, and many times that beside others.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
let file = "";
beforeAll(async () => {
  project = await makeProject();
  file = join(project.dir, "stripes.fsl");
  writeFileSync(file, text);
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

test("from a file to its numbers, and from the store the second time", async () => {
  const compiled = compile(file);
  expect(compiled.diagnostics).toEqual([]);
  expect(compiled.project).toEqual(project);
  const { experiment } = compiled;
  if (experiment === undefined) throw new Error("does not compile");
  const { summary } = await follow(run(experiment, { project }));
  expect(summary.failures).toEqual([]);
  const rows = summary.results.map(({ stage, row, metric, episodes }) => [stage, row, metric, episodes]);
  expect(rows).toEqual([
    ["result", "1 shot", "accuracy", 40],
    ["result", "2 shot", "accuracy", 40],
    ["pixels", undefined, "accuracy", 40],
  ]);
  for (const { mean } of summary.results) expect(mean).toBeGreaterThan(0.5);
  const again = await follow(run(experiment, { project }));
  expect(again.summary.results).toEqual(summary.results);
  expect(again.events.filter(({ type }) => type === "stage.start")).toEqual([]);
});

test("a parameter that is set changes what depends on it and nothing else", async () => {
  const { experiment } = compile(file, { set: { shots: 2 } });
  expect(experiment).toEqual(compile(file, { set: { shots: "2" } }).experiment);
  if (experiment === undefined) throw new Error("does not compile");
  const report = await plan(experiment, { project });
  const cached = Object.fromEntries(report.stages.map(({ id, status }) => [id, status.cached]));
  expect(cached).toEqual({ "data:stripes": true, proto: false, result: false, pixels: false });
});

test("reformatting, renaming and reordering re-run nothing", async () => {
  const other = join(project.dir, "other.fsl");
  const moved = text
    .replaceAll("proto\n", "trained\n")
    .replace("meta proto ", "meta trained ")
    .replaceAll("stripes", "lines")
    .replaceAll("  ", " ")
    .replace(/(backbone small .*\n)(backbone raw .*\n)/, "$2\n// A comment.\n$1");
  writeFileSync(other, moved);
  const { experiment, diagnostics } = compile(other);
  expect(diagnostics).toEqual([]);
  if (experiment === undefined) throw new Error("does not compile");
  const report = await plan(experiment, { project });
  expect(report.stages.filter(({ status }) => !status.cached)).toEqual([]);
});

test("a file that is not there is a diagnostic, and so is what is wrong with one", () => {
  const missing = compile(join(project.dir, "none.fsl"));
  expect(missing.experiment).toBeUndefined();
  expect(missing.diagnostics.map(({ code }) => code)).toEqual(["FSL7040"]);
  const bad = join(project.dir, "bad.fsl");
  writeFileSync(bad, text.replace("metric    prototypes", "metric    prototype"));
  const { experiment, diagnostics } = compile(bad);
  expect(experiment).toBeUndefined();
  expect(diagnostics.length).toBeGreaterThan(0);
  expect(diagnostics[0]?.span?.file).toBe("bad.fsl");
});

test("a refused run throws before it makes anything", () => {
  const { experiment } = compile(file);
  if (experiment === undefined) throw new Error("does not compile");
  expect(() => run(experiment, { project, stages: ["nothing"] })).toThrow(RefusedError);
});

test("CommonJS can require the package", () => {
  const code = `const { compile, run, version } = require(${JSON.stringify(resolve("dist/src/index.js"))});
    process.stdout.write([typeof compile, typeof run, typeof version].join());`;
  expect(execFileSync(process.execPath, ["--eval", code], { encoding: "utf8" })).toBe("function,function,string");
});

test("README's program is right in a project as npm and TypeScript make one", () => {
  const project = mkdtempSync(join(tmpdir(), "fslc-typescript-"));
  try {
    const [, sample = ""] = /^```ts\n(.*?)^```$/ms.exec(readFileSync("README.md", "utf8")) ?? [];
    writeFileSync(join(project, "package.json"), '{ "type": "commonjs" }');
    writeFileSync(join(project, "run.mts"), sample);
    mkdirSync(join(project, "node_modules"));
    symlinkSync(resolve("."), join(project, "node_modules/fslc"), "junction");
    const compiler = resolve("node_modules/typescript/bin/tsc");
    const typescript = (...argv: string[]): string =>
      execFileSync(process.execPath, [compiler, ...argv], { cwd: project, encoding: "utf8" });
    typescript("--init");
    expect(sample).toContain('from "fslc"');
    expect(typescript("--noEmit")).toBe("");
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
});
