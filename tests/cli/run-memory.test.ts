/** A run remembers what it was: `runs show` prints it, `runs list` tells runs apart, and `runs diff` says what differs. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { listRuns, type RunRecord } from "../../src/runtime/run/runs.js";
import type { Project } from "../../src/runtime/system/project.js";
import { schemaProblem } from "../../src/runtime/system/schema.js";
import { makeProject } from "../runtime/tiny.js";
import { fslc } from "./command-line.js";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const experiment = `fsl 1
import { prototypes } from "fsl:metrics"
import { folder } from "fsl:datasets"
import { net } from "./parts/net.fsl"

param shots = 1 shot
param rate = 0.05

dataset stripes = folder(root: "images") { train resize(8), center_crop(8), normalize  eval resize(8), center_crop(8), normalize }
episode task(k = shots) = 2 way, k, 2 query
meta proto {
  encoder   net
  metric    prototypes
  episodes  task from stripes.train
  optimizer sgd(lr: rate)
  for 3 epochs of 2 episodes, 1 episode per step
  validate task from stripes.val, 20 episodes, every epoch, keep best
}
evaluate test { encoder proto.encoder  metric prototypes  episodes task from stripes.test, 40 episodes }
`;
const net = "fsl 1\nbackbone net { conv(3, 4), relu, flatten as vector }\n";

let project: Project;
const here = (): string[] => ["--project", project.dir];
const write = (path: string, text: string): void => writeFileSync(join(project.dir, path), text);
async function run(...options: string[]): Promise<RunRecord> {
  const { code, err } = await fslc("run", join(project.dir, "stripes.fsl"), "--reporter", "plain", ...options);
  expect(code, err).toBe(0);
  const [newest] = listRuns(project);
  if (newest === undefined) throw new Error("no run");
  return newest;
}

let first: RunRecord;
beforeAll(async () => {
  project = await makeProject();
  mkdirSync(join(project.dir, "parts"));
  write("stripes.fsl", experiment);
  write("parts/net.fsl", net);
  first = await run("--seed", "3", "--set", "shots=2");
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

test("the folder of a run holds its parameters, its options and copies of its texts", () => {
  const { inputs } = first.start;
  expect(inputs).toMatchObject({
    params: [
      { name: "shots", value: 2, unit: "shot", origin: "--set" },
      { name: "rate", value: 0.05, origin: "default" },
    ],
    asked: {},
    system: { node: process.version },
  });
  expect(readFileSync(join(first.dir, "source/stripes.fsl"), "utf8")).toBe(experiment);
  expect(readFileSync(join(first.dir, "source/parts/net.fsl"), "utf8")).toBe(net);
  const ids = inputs?.sources.map(({ id, copy }) => [id, copy !== undefined]);
  expect(ids?.[0]).toEqual(["stripes.fsl", true]);
  expect(ids).toContainEqual(["parts/net.fsl", true]);
  expect(ids).toContainEqual(["fsl:metrics", false]);
  expect(first.done?.stages?.map(({ id, from }) => `${id} ${from}`)).toEqual([
    "data:stripes run",
    "proto run",
    "test run",
  ]);
  for (const event of [first.start, first.done]) {
    expect(schemaProblem("event", JSON.parse(JSON.stringify(event)))).toBeUndefined();
  }
});

test("runs show prints what the run was, its validations, the best epoch and the weights that were kept", async () => {
  const { out } = await fslc("runs", "show", first.id, ...here());
  expect(out).toContain("parameters  shots = 2 shot (--set), rate = 0.05\n");
  expect(out).toContain("engine      onnx cpu");
  expect(out).toContain("texts       source/stripes.fsl, source/parts/net.fsl\n");
  expect(out).toMatch(/library {5}.*fsl:metrics [0-9a-f]{8}/);
  expect(out).toContain("proto: accuracy in validation\n");
  expect(out.match(/^ +[123] +[246] +\d+\.\d\d ± \d+\.\d\d %/gm)).toHaveLength(3);
  expect(out.match(/★ best/g)).toHaveLength(1);
  const best = Number(/^ +(\d) .*★ best/m.exec(out)?.[1]);
  expect(out).toContain(`weights of epoch ${best}, step ${2 * best} (best)`);
  const json = JSON.parse((await fslc("runs", "show", first.id, "--json", ...here())).out);
  expect(json.start.inputs.params[0]).toMatchObject({ name: "shots", value: 2 });
  expect(json.trainings[0]).toMatchObject({ stage: "proto", weightsFrom: { epoch: best, choice: "best" } });
});

test("a rerun that takes everything from the store has the same history, and no row of its own", async () => {
  const again = await run("--seed", "3", "--set", "shots=2");
  const show = async (id: string): Promise<unknown> =>
    JSON.parse((await fslc("runs", "show", id, "--json", ...here())).out).trainings;
  expect(await show(again.id)).toEqual(await show(first.id));
  const { out } = await fslc("runs", "list", ...here());
  expect(out).toContain(first.id);
  expect(out).not.toContain(again.id);
  expect(out).toContain("1 rerun that took everything from the store is not listed; --all lists it");
  expect((await fslc("runs", "list", "--all", ...here())).out).toContain(again.id);
  expect(JSON.parse((await fslc("runs", "list", "--json", ...here())).out)).toHaveLength(1);
  // Another value is another run, even if every number comes from the store.
  const forced = await run("--seed", "3", "--set", "shots=2", "--force", "test");
  expect((await fslc("runs", "list", ...here())).out).toContain(forced.id);
  rmSync(forced.dir, { recursive: true });
});

test("runs list tells the runs of one experiment apart", async () => {
  const other = await run("--set", "shots=1", "--engine", "reference");
  const list = (await fslc("runs", "list", ...here())).out;
  expect(list).toMatch(new RegExp(`${first.id} .* shots=2 .*test \\d`));
  expect(list).toMatch(new RegExp(`${other.id} .* shots=1  --engine reference\\n * test \\d`));
  expect(list).not.toContain("text ");
  write("stripes.fsl", experiment.replace("40 episodes", "30 episodes"));
  const edited = await run("--seed", "3", "--set", "shots=2");
  const texts = [...(await fslc("runs", "list", ...here())).out.matchAll(/^(\S+) .* text ([0-9a-f]{3})/gm)];
  const of = new Map(texts.map(([, id, digest]) => [id, digest]));
  expect(of.get(edited.id)).toBeDefined();
  expect(of.get(edited.id)).not.toBe(of.get(first.id));
  expect(of.get(other.id)).toBe(of.get(first.id));

  const { code, out } = await fslc("runs", "diff", other.id, edited.id, ...here());
  expect(code).toBe(0);
  expect(out).toMatch(/^ +seed +0 +3$/m);
  expect(out).toMatch(/^parameter +shots +1 shot +2 shot$/m);
  expect(out).toMatch(/^option +--engine +reference +–$/m);
  expect(out).toMatch(/^computed by +proto +reference \S+ on cpu, threads \d+ +onnx \S+ on cpu, threads \d+$/m);
  expect(out).toContain(
    "  - evaluate test { encoder proto.encoder  metric prototypes  episodes task from stripes.test, 40 episodes }\n",
  );
  expect(out).toContain(
    "  + evaluate test { encoder proto.encoder  metric prototypes  episodes task from stripes.test, 30 episodes }\n",
  );
  expect(out).toMatch(/^test +accuracy +\d+\.\d\d ± \d+\.\d\d % +\d+\.\d\d ± \d+\.\d\d % +[+-]\d+\.\d\d$/m);
  expect(out).not.toContain("stripes:");

  const json = JSON.parse((await fslc("runs", "diff", other.id, edited.id, "--json", ...here())).out);
  expect(json).toMatchObject({ a: other.id, b: edited.id, unrecorded: [] });
  expect(json.differences).toContainEqual({ kind: "seed", name: "seed", a: "0", b: "3" });
  expect(json.sources.map(({ id }: { id: string }) => id)).toEqual(["stripes.fsl"]);
  const same = await fslc("runs", "diff", first.id, first.id, ...here());
  expect(same.out).toContain("the runs were asked for the same, with the same texts and data");
});

test("runs diff compares two experiments line by line, also if their names differ", async () => {
  write("copy.fsl", experiment.replace("40 episodes", "20 episodes"));
  expect((await fslc("run", join(project.dir, "copy.fsl"), "--reporter", "plain", "--seed", "3")).code).toBe(0);
  const [copy] = listRuns(project);
  const { out } = await fslc("runs", "diff", first.id, copy?.id ?? "", ...here());
  expect(out).toMatch(/^stripes\.fsl → copy\.fsl$/m);
  expect(out.match(/^ {2}[-+] /gm)).toHaveLength(2);
  expect(out).not.toMatch(/ $/m);
  const none = await fslc("runs", "compare", `${first.id}:proto`, first.id, ...here());
  expect(none.err).toContain(`the run \`${first.id}\` has no evaluation \`proto\``);
  rmSync(copy?.dir ?? "", { recursive: true });
});

test("a run of an older version, which recorded less, is listed, shown and compared with that said", async () => {
  const old = "20260101-000000-000000";
  const dir = join(project.dir, ".fslc", "runs", old);
  mkdirSync(dir);
  const { inputs: _, ...start } = { ...first.start, run: old, time: 0 };
  const { stages: __, ...done } = first.done ?? { stages: [] };
  const between = readFileSync(join(first.dir, "events.ndjson"), "utf8").trimEnd().split("\n").slice(1, -1);
  writeFileSync(join(dir, "events.ndjson"), [JSON.stringify(start), ...between, JSON.stringify(done), ""].join("\n"));
  expect((await fslc("runs", "list", ...here())).out).toContain(old);
  const shown = await fslc("runs", "show", old, ...here());
  expect(shown.code).toBe(0);
  expect(shown.out).not.toContain("parameters");
  // It kept no manifest of its trainings, but its events tell the validations.
  expect(shown.out).toContain("proto: accuracy in validation\n");
  const { code, out } = await fslc("runs", "diff", old, first.id, ...here());
  expect(code).toBe(0);
  expect(out).toContain(`! ${old} was made by an older version, which did not record its parameters and texts`);
});

test("a copy that was edited later is not taken for the text of the run", async () => {
  const ids = listRuns(project).map(({ id }) => id);
  expect(readdirSync(join(first.dir, "source"))).toContain("stripes.fsl");
  expect(existsSync(join(first.dir, "results", "proto", "manifest.json"))).toBe(true);
  writeFileSync(join(first.dir, "source", "stripes.fsl"), "fsl 1\n");
  const edited = ids.find((id) => id !== first.id) ?? "";
  const { out } = await fslc("runs", "diff", edited, first.id, ...here());
  expect(out).toMatch(/^stripes\.fsl differs: [0-9a-f]{12} in A, [0-9a-f]{12} in B$/m);
});
