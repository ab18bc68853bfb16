/** The command line as it is installed: one bundle in dist/cli, beside the modules that threads and workers load. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Project } from "../../src/runtime/system/project.js";
import { makeProject } from "../runtime/tiny.js";
import { fslc as fromSources, type Outcome } from "./command-line.js";

const { bin } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly bin: { readonly fslc: string } };
let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

const fslc = (...argv: string[]): Promise<Outcome> => started(resolve(bin.fslc), argv, {});

function started(main: string, argv: readonly string[], more: Readonly<Record<string, string>>): Promise<Outcome> {
  const env = { ...process.env, CI: "1", NO_COLOR: "1", ...more };
  return new Promise((done) => {
    execFile(process.execPath, [main, ...argv], { env }, (error, out, err) => {
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
  const { code, out, err } = await fslc("run", file, "--engine", "reference", "--reporter", "plain", "--profile");
  expect(`${code}\n${err}`).toMatch(/^0\n/);
  expect(err).toMatch(/where the .+ of proto went, on reference cpu(.|\n)+run proto +2 /);
  const [, path = ""] = err.match(/^trace: +(\S+)/m) ?? [];
  const trace = JSON.parse(readFileSync(path, "utf8"));
  expect(trace.traceEvents.map(({ name }: { readonly name: string }) => name)).toContain("run proto");
  expect(`${out}${err}`).toContain("accuracy");
});

test("installed without ONNX Runtime, options are refused before it is fetched", async () => {
  const copy = join(project.dir, "installed");
  for (const name of ["dist", "specs", "package.json"]) cpSync(name, join(copy, name), { recursive: true });
  mkdirSync(join(copy, "node_modules"));
  for (const name of readdirSync("node_modules").filter((one) => one !== "onnxruntime-node" && !one.startsWith(".")))
    symlinkSync(resolve("node_modules", name), join(copy, "node_modules", name), "junction");
  const file = resolve("examples/emoji.fsl");
  const away = { FSLC_ENGINES: join(copy, "engines"), npm_config_registry: "http://127.0.0.1:9/" };
  const { code, err } = await started(join(copy, bin.fslc), ["run", file, "--device", "tpu"], away);
  expect(err).toContain("FSL7008");
  expect(err).not.toContain("fetching");
  expect(code).toBe(3);
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
