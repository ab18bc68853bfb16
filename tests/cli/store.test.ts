/** `fslc store`: what it lists, shows, finds damaged and removes of a real run. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { run } from "../../src/runtime/run/run.js";
import { writeCheckedTensors } from "../../src/runtime/store/checked-tensors.js";
import { Checkpoints } from "../../src/runtime/store/checkpoints.js";
import { allEntries } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { schemaProblem } from "../../src/runtime/system/schema.js";
import { numerics } from "../runtime/stored.js";
import { experiment, follow, makeProject } from "../runtime/tiny.js";
import { fslc, type Outcome } from "./command-line.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

let project: Project;
let whole: string;
let id: string;
beforeAll(async () => {
  project = await makeProject();
  const started = run(experiment(), { project, threads: 2 });
  id = started.id;
  expect((await follow(started)).summary.failures).toEqual([]);
  await new Checkpoints(projectPaths.checkpoints(project), { key: "c".repeat(64), numerics, version: "1" }).write({
    step: 7,
    history: [],
    tensors: {},
  });
  await writeCheckedTensors(join(projectPaths.fits(project), "fit.safetensors"), {});
  whole = join(project.dir, "whole");
  cpSync(project.home, whole, { recursive: true });
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));
beforeEach(() => void vi.stubEnv("FSLC_ENGINES", join(project.dir, "engines")));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(project.home, { recursive: true });
  cpSync(whole, project.home, { recursive: true });
});

const store = (...argv: string[]): Promise<Outcome> => fslc("store", ...argv, "--project", project.dir);
/** Returns what a command prints as JSON, which follows the schema. */
async function json(...argv: string[]): Promise<Record<string, unknown>> {
  const value: unknown = JSON.parse((await store(...argv, "--json")).out);
  expect(schemaProblem("store", value)).toBeUndefined();
  return value as Record<string, unknown>;
}
const keyOf = (stage: string): string =>
  allEntries(projectPaths.store(project)).find(({ manifest }) => manifest.stage.id === stage)?.manifest.key ?? "";

test("ls lists every thing with its size and the run that uses it, and the size of each kind", async () => {
  const { out } = await store("ls");
  expect(out).toMatch(new RegExp(`${keyOf("base").slice(0, 12)}  stage +pretrain base, onnx cpu .* ${id}\n`));
  expect(out).toMatch(/cccccccccccc {2}checkpoint {2}after step 7 +\d+ B +20.*\d\n/);
  expect(out).toMatch(/ {2}pack +packed images +\d.* [KM]iB .*-[0-9a-f]{6}\n/);
  expect(out).toMatch(/\nstage +4 +.*\ncheckpoint +1 .*\nfit +1 .*\npack +1 .*\nall +7 /);
  const { items, bytes } = (await json("ls")) as { items: { bytes: number }[]; bytes: number };
  expect(items.reduce((sum, item) => sum + item.bytes, 0)).toBe(bytes);
});

test("show says where a stage came from, which runs use it and what was computed from it", async () => {
  const { out } = await store("show", keyOf("base").slice(0, 8));
  expect(out.startsWith(`${keyOf("base")}\n\nstage: pretrain base, onnx cpu\n`)).toBe(true);
  expect(out).toContain(`used by the runs\n  ${id}\n`);
  expect(out).toContain(`computed from it\n  ${keyOf("proto").slice(0, 12)}  proto\n`);
  expect((await store("show", keyOf("proto"))).out).toContain(`  from      ${keyOf("base").slice(0, 12)}  base\n`);
  expect((await store("show", "ccc")).out).toContain("checkpoint: after step 7\n");
  expect(await json("show", keyOf("base"))).toMatchObject({ neededBy: [{ stage: "proto" }] });
});

test("show refuses a key that is not there, and the beginning of several", async () => {
  const none = await store("show", "xyz");
  expect(none.code).toBe(3);
  expect(none.err).toContain("FSL7056");
  expect((await store("show", "")).err).toContain("6 keys begin so");
});

test("verify finds nothing where nothing is damaged", async () => {
  expect(await store("verify")).toMatchObject({
    code: 0,
    err: "",
    out: "checked 4 stages, 1 folder of checkpoints, 1 fit, 1 pack, 1 run: everything is as it was written\n",
  });
});

test.each([
  ["stage", "store/.*/weights.safetensors", "its weights.safetensors is not as it was written"],
  ["stage", "store/.*/manifest.json", "its manifest is not"],
  ["stage", "store/.*/scores.json", "its scores.json is not as it was written"],
  ["checkpoint", "checkpoints/.*safetensors", "it is not as it was written"],
  ["fit", "fits/.*safetensors", ""],
  ["pack", "data/packs/.*/images-0.u8", "the pixels of .* have changed"],
  ["pack", "data/packs/.*/manifest.json", "manifest.json has changed|manifest.json cannot be read"],
  ["run", "runs/.*/scores.json", "its scores.json is not as it was written"],
])("verify names a %s in which a bit of %s has flipped", async (kind, pattern, problem) => {
  const names = readdirSync(project.home, { recursive: true, encoding: "utf8" });
  const [name = ""] = names.filter((one) => new RegExp(`^${pattern}$`).test(one.replaceAll("\\", "/")));
  const path = join(project.home, name);
  const bytes = readFileSync(path);
  bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const { code, err, out } = await store("verify");
  expect(code).toBe(1);
  expect(err).toContain("FSL7058");
  expect(out).toMatch(/: 1 place is damaged\n$/);
  const { damaged } = (await json("verify")) as { damaged: { kind: string; path: string; problem: string }[] };
  expect(damaged).toEqual([{ kind, path: expect.any(String), problem: expect.stringMatching(problem) }]);
  expect(path.startsWith(damaged[0]?.path ?? "nowhere")).toBe(true);
});

test("gc says what it would remove, removes exactly that, and names the reason", async () => {
  const planned = await store("gc", "--dry-run");
  expect(planned.out).toMatch(
    /^key +kind +what +size +because +path\n─.*\ncccccccccccc {2}checkpoint {2}after step 7 .* no kept run uses it /,
  );
  expect(planned.out).toMatch(/\n\nwould remove 1 thing, \d+ B \(\d+ bytes\); 1 run keeps its stages\n$/);
  const done = await store("gc");
  expect(done.out).toBe(planned.out.replace("would remove", "removed"));
  expect((await store("gc")).out).toBe("nothing to remove; 1 run keeps its stages\n");
  expect(await json("gc", "--keep-last", "0", "--packs")).toMatchObject({
    keptRuns: [],
    removed: [{}, {}, {}, {}, { kind: "fit" }, { kind: "pack" }],
  });
  expect((await fslc("runs", "show", "last", "--project", project.dir)).code).toBe(0);
});

test.each([
  ["--keep-last", "-1", "is not a number of runs"],
  ["--older-than", "soon", "is not an age such as"],
])("gc refuses %s %s", async (option, value, why) => {
  const { code, err } = await store("gc", `${option}=${value}`);
  expect(code).toBe(3);
  expect(err).toContain(why);
});
