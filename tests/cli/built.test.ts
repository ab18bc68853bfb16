/** The command line as it is installed: one bundle in dist/cli, beside the modules that threads and workers load. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Project } from "../../src/runtime/project.js";
import { makeProject } from "../runtime/tiny.js";
import { fslc as fromSources, type Outcome } from "./command-line.js";

const { bin } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly bin: { readonly fslc: string } };
let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

function fslc(...argv: string[]): Promise<Outcome> {
  const env = { ...process.env, CI: "1", NO_COLOR: "1" };
  return new Promise((done) => {
    execFile(process.execPath, [resolve(bin.fslc), ...argv], { env }, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

test.each([
  "examples/proto-cub.fsl",
  "tests/golden/FSL1001-several-mistakes.fsl",
  "tests/golden/FSL1003-a-stage-closed-early.fsl",
])("checks %s as the sources do", async (file) => {
  expect(existsSync(file)).toBe(true);
  expect(await fslc("check", file)).toEqual(await fromSources("check", file));
});

test("runs an experiment: what its workers and threads load is found from the bundle", async () => {
  const file = join(project.dir, "tiny.fsl");
  writeFileSync(
    file,
    `fsl 1
import { folder } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
dataset stripes = folder(root: "images") {
  train resize(8), center_crop(8), normalize(mean: [0.5], std: [0.25])
  eval resize(8), center_crop(8), normalize(mean: [0.5], std: [0.25])
}
backbone net { conv(3, 4), batch_norm, relu, flatten as vector }
episode task = 2 way, 1 shot, 2 query
meta proto {
  encoder net
  metric prototypes
  episodes task from stripes.train
  optimizer sgd(lr: 0.05)
  for 1 epoch of 2 episodes, 1 episode per step
}
evaluate result { of proto  episodes task from stripes.test, 5 episodes }
`,
  );
  const { code, out, err } = await fslc("run", file, "--engine", "reference", "--reporter", "plain");
  expect(`${code}\n${err}`).toMatch(/^0\n/);
  expect(`${out}${err}`).toContain("accuracy");
});

test("the bundle knows the parser's decisions: it does not work them out at each start", () => {
  const texts = readdirSync("dist/cli").map((name) => readFileSync(join("dist/cli", name), "utf8"));
  expect(texts.some((text) => /knownDecisions = JSON\.parse\("\[\[\d/.test(text))).toBe(true);
});

test("the bundle has every module of the command line once: none is loaded from beside it as well", () => {
  const files = readdirSync("dist/cli").filter((name) => name.endsWith(".js"));
  expect(files).toContain("main.js");
  for (const name of files) {
    const text = readFileSync(join("dist/cli", name), "utf8");
    for (const [, from = ""] of text.matchAll(/(?:\bfrom|\bimport\(?) ?"(\.[^"]*)"/g))
      expect(from).toMatch(/^\.\/[^/]+$/);
  }
});
