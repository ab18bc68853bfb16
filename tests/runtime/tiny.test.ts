import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { estimate } from "../../src/common/statistics.js";
import type { EvaluateStage, Experiment } from "../../src/compiler/typed/tree.js";
import { findTensorflow } from "../../src/runtime/engines/tensorflow/locate.js";
import type { RunOptions } from "../../src/runtime/run/preflight.js";
import { prepareRun } from "../../src/runtime/run/preflight.js";
import { localEnvironment, run, startRun } from "../../src/runtime/run/run.js";
import { resultsDir } from "../../src/runtime/store/run-results.js";
import { decodeSafetensors } from "../../src/runtime/store/safetensors.js";
import { parseScores } from "../../src/runtime/store/scores.js";
import { allEntries, readWeights, type StoreEntry } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { schemaProblem } from "../../src/runtime/system/schema.js";
import { runInWorker } from "../../src/runtime/worker/client.js";
import type { Executor } from "../../src/runtime/worker/executor.js";
import { sgd } from "../lower/fixtures.js";
import { base, baseline, experiment, follow, makeProject, type Played, proto, result } from "./tiny.js";

// Real runs: seconds alone on two cores, and many times that beside others.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
beforeAll(async () => {
  project = await makeProject();
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

/** A project of the same images with nothing stored yet. */
function fresh(name: string): Project {
  return { dir: project.dir, home: join(project.dir, name) };
}
const play = (typed: Experiment, at: Project, options: Partial<RunOptions> = {}): Promise<Played> =>
  follow(run(typed, { project: at, threads: 2, ...options }));
const typesOf = ({ events }: Played, stage: string): string[] => [
  ...new Set(events.flatMap((event) => ("stage" in event && event.stage === stage ? [event.type] : []))),
];
function entryOf(at: Project, stage: string, engine = "onnx"): StoreEntry {
  const found = allEntries(projectPaths.store(at)).find(
    ({ manifest }) => manifest.stage.id === stage && manifest.numerics.engine === engine,
  );
  if (found === undefined) throw new Error(`${stage} is not stored`);
  return found;
}

describe.each(["onnx", "reference"])("on %s", (engine) => {
  let first: Played;
  const home = (): Project => fresh(`home-${engine}`);
  beforeAll(async () => {
    first = await play(experiment(), home(), { engine });
  });

  test("pixels to accuracy: every stage runs, and training beats pixels", () => {
    expect(first.summary.failures).toEqual([]);
    expect(first.summary.status).toBe("done");
    const [trained, pixels] = first.summary.results;
    expect(trained).toMatchObject({ stage: "result", metric: "accuracy", episodes: 60 });
    expect(pixels).toMatchObject({ stage: "baseline", metric: "accuracy", episodes: 60 });
    expect(trained?.mean).toBeGreaterThan(0.85);
    expect(trained?.mean).toBeGreaterThan(pixels?.mean ?? 1);
    expect(pixels?.ci95).toBeGreaterThan(0);
    expect(typesOf(first, "proto")).toEqual(["stage.start", "stage.step", "stage.validate", "stage.done"]);
    expect(first.events.at(-1)).toMatchObject({ type: "run.done", status: "done", results: first.summary.results });
  });

  test("the manifests follow their schema and hold where the numbers come from", () => {
    for (const { dir } of allEntries(projectPaths.store(home()))) {
      expect(schemaProblem("manifest", JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8")))).toBeUndefined();
    }
    const trained = entryOf(home(), "proto", engine).manifest;
    const best = trained.history.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
    expect(trained.history).toHaveLength(3);
    expect(trained.weights?.from).toEqual({ step: best.step, epoch: best.epoch, choice: "best" });
    expect(trained.inputs).toEqual([
      {
        stage: "base",
        key: entryOf(home(), "base", engine).manifest.key,
        output: entryOf(home(), "base", engine).manifest.output,
      },
    ]);
    expect(trained.numerics.engine).toBe(engine);
    expect(entryOf(home(), "base", engine).manifest.weights?.from).toEqual({ step: 12, epoch: 2, choice: "last" });
  });

  test("confusion and per-class counts agree with the accuracy", () => {
    const { reports, results } = entryOf(home(), "result", engine).manifest;
    const [confusion, perClass] = reports;
    if (confusion?.kind !== "confusion" || perClass?.kind !== "per_class") throw new Error("reports");
    const total = 60 * 2 * 3;
    expect(confusion.classes).toEqual(["test-0", "test-1", "test-2"]);
    expect(confusion.cells.reduce((sum, [, , n]) => sum + n, 0)).toBe(total);
    const right = confusion.cells.reduce((sum, [truth, taken, n]) => sum + (truth === taken ? n : 0), 0);
    expect(right / total).toBeCloseTo(results[0]?.mean ?? 0, 6);
    const weighted = perClass.classes.reduce((sum, { queries, accuracy }) => sum + queries * accuracy, 0);
    expect(weighted / total).toBeCloseTo(results[0]?.mean ?? 0, 6);
  });

  test("the second time everything is served from the store, at once", async () => {
    const began = performance.now();
    const again = await play(experiment(), home(), { engine });
    expect(performance.now() - began).toBeLessThan(1500);
    expect(again.summary.results).toEqual(first.summary.results);
    for (const stage of ["data:d", "base", "proto", "result", "baseline"]) {
      expect(typesOf(again, stage)).toEqual(["stage.cached"]);
    }
  });

  test("nothing is left beside the store, and the run folder holds the events", () => {
    expect(readdirSync(projectPaths.store(home())).filter((name) => name.startsWith("."))).toEqual([]);
    expect(readdirSync(projectPaths.locks(home()))).toEqual([]);
    const dir = join(projectPaths.runs(home()), first.summary.run);
    const lines = readFileSync(join(dir, "events.ndjson"), "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(JSON.parse(JSON.stringify(first.events)));
    expect(schemaProblem("plan", JSON.parse(readFileSync(join(dir, "plan.json"), "utf8")))).toBeUndefined();
    expect(readdirSync(dir).sort()).toEqual(["events.ndjson", "logs", "plan.json", "results", "uses.txt"]);
    expect(readdirSync(join(dir, "logs"))).toEqual([]);
  });
});

test("scores, logits and episodes are files of the result, and agree with it", async () => {
  const at = fresh("home-onnx");
  const report: EvaluateStage["report"] = [
    { kind: "accuracy_disjoint" },
    { kind: "per_class" },
    { kind: "logits" },
    { kind: "logits_json" },
    { kind: "episodes" },
  ];
  const [row] = result.rows;
  if (row === undefined) throw new Error("no row");
  const reported: EvaluateStage = { ...result, id: "reported", name: "reported", report };
  const rows = [
    { ...row, label: "b" },
    { ...row, label: "a", task: { ...row.task, shot: 2 } },
  ];
  const played = await play(experiment([base, proto, { ...reported, rows }]), at, { stages: ["reported"] });
  expect(played.summary.failures).toEqual([]);
  expect(played.summary.results.map(({ row: label, metric }) => [label, metric])).toEqual([
    ["b", "accuracy"],
    ["b", "accuracy_disjoint"],
    ["a", "accuracy"],
    ["a", "accuracy_disjoint"],
  ]);
  const [sampled, disjoint] = played.summary.results;
  // Three classes of twelve images, four an episode and class: four or a few more of two ways.
  expect(disjoint?.episodes).toBe(4);
  expect(disjoint?.mean).toBeGreaterThan(0.5);

  const dir = resultsDir(join(projectPaths.runs(at), played.summary.run), "reported");
  expect(readdirSync(dir).sort()).toEqual([
    "episodes-2way-1shot-3query.json",
    "episodes-2way-2shot-3query.json",
    "logits-2way-1shot-3query.json",
    "logits-2way-1shot-3query.safetensors",
    "logits-2way-2shot-3query.json",
    "logits-2way-2shot-3query.safetensors",
    "manifest.json",
    "scores.json",
  ]);
  const parsed = parseScores(readFileSync(join(dir, "scores.json"), "utf8"));
  if ("problem" in parsed) throw new Error(parsed.problem);
  const accuracies = parsed.scores.rows[0]?.metrics["accuracy"] ?? [];
  expect(estimate(accuracies).mean).toBeCloseTo(sampled?.mean ?? 0, 12);

  const { logits, labels } = decodeSafetensors(readFileSync(join(dir, "logits-2way-1shot-3query.safetensors")));
  expect(logits?.shape).toEqual([60, 6, 2]);
  const right = Array.from(labels?.data ?? []).reduce((sum, label, i) => {
    const own = logits?.data[2 * i + label] ?? 0;
    const other = logits?.data[2 * i + 1 - label] ?? 0;
    return sum + (own > other ? 1 : own === other ? 0.5 : 0);
  }, 0);
  expect(right / 360).toBeCloseTo(sampled?.mean ?? 0, 6);

  const list = JSON.parse(readFileSync(join(dir, "episodes-2way-1shot-3query.json"), "utf8"));
  expect(list).toMatchObject({ format: 1, way: 2, shot: 1, query: 3 });
  expect(list.episodes).toHaveLength(60);
  expect(list.episodes[0][0].support[0]).toMatch(new RegExp(`test/${list.episodes[0][0].class}/\\d+\\.png$`));

  const told = JSON.parse(readFileSync(join(dir, "logits-2way-1shot-3query.json"), "utf8"));
  expect(schemaProblem("logits", told)).toBeUndefined();
  expect(told).toMatchObject({ way: 2, shot: 1, query: 3, split: "test", scores: "logits" });
  const classes: { logits: number[][] }[] = told.episodes.flat();
  expect(Float32Array.from(classes.flatMap((one) => one.logits.flat()))).toEqual(logits?.data);
  expect(classes.map(({ logits: _, ...one }) => one)).toEqual(list.episodes.flat());

  // Called otherwise, the rows are served from the store under their new names.
  const renamed = rows.map((one, i) => ({ ...one, label: ["x", "y"][i] ?? "" }));
  const again = await play(experiment([base, proto, { ...reported, rows: renamed }]), at, { stages: ["reported"] });
  expect(typesOf(again, "reported")).toEqual(["stage.cached"]);
  expect(again.summary.results.map(({ row: label }) => label)).toEqual(["x", "x", "y", "y"]);
  expect(again.summary.reports.map(({ row: label, stage }) => [stage, label])).toEqual([
    ["reported", "x"],
    ["reported", "y"],
  ]);
});

test("the same seed and numerics give the same bits; another seed does not", async () => {
  const short = experiment([{ ...proto, encoder: { ...proto.encoder, from: undefined }, needs: [] }]);
  await play(short, fresh("bits-1"));
  await play(short, fresh("bits-2"));
  const [one, two] = [entryOf(fresh("bits-1"), "proto"), entryOf(fresh("bits-2"), "proto")];
  expect(two.manifest.output).toBe(one.manifest.output);
  expect(two.manifest.key).toBe(one.manifest.key);
  await play(short, fresh("bits-2"), { seed: 1 });
  expect(entryOf(fresh("bits-2"), "proto").manifest.output).not.toBe(one.manifest.output);
});

test("an entry of another engine serves unless one is asked for", async () => {
  const at = fresh("home-onnx");
  expect(typesOf(await play(experiment([baseline]), at), "baseline")).toEqual(["stage.cached"]);
  const asked = await play(experiment([baseline]), at, { engine: "reference" });
  expect(typesOf(asked, "baseline")).toContain("stage.done");
  const exact = await play(experiment([baseline]), at, { exact: true });
  expect(typesOf(exact, "baseline")).toEqual(["stage.cached"]);
  const other = await play(experiment([baseline]), at, { exact: true, threads: 1 });
  expect(typesOf(other, "baseline")).toContain("stage.done");
});

test("embedding an image once or in each episode gives the same classification", async () => {
  const at = fresh("home-onnx");
  const once = entryOf(at, "result").manifest;
  // Which of the two is done does not change the numbers, so it is not in the key either.
  const anew = { ...result, embedOnce: { legal: false as const, why: "for this test" } };
  const played = await play(experiment([base, proto, anew]), at, { stages: ["result"], force: ["result"] });
  expect(typesOf(played, "result")).toContain("stage.done");
  const { key, created, results, reports } = entryOf(at, "result").manifest;
  expect(key).toBe(once.key);
  expect(created).not.toBe(once.created);
  expect(results).toEqual(once.results);
  expect(reports).toEqual(once.reports);
});

test("a worker that is killed fails its stage; what had finished is served the next time", async () => {
  const at = fresh("killed");
  const preparation = prepareRun(experiment([base, proto]), { project: at });
  if (!("prepared" in preparation)) throw new Error("refused");
  const { prepared } = preparation;
  const environment = localEnvironment(prepared);
  const executor = await environment.openExecutor();
  let pid: number | undefined;
  const submit: Executor["submit"] = (job, onEvent) => {
    const worker = runInWorker({ ...job, engine: executor.engine, threads: prepared.threads }, onEvent);
    pid = worker.pid;
    return worker;
  };
  const started = startRun(prepared, { ...environment, openExecutor: async () => ({ ...executor, submit }) });
  const played = await follow(started, (event) => {
    if (event.type === "stage.step" && event.stage === "proto" && pid !== undefined) process.kill(pid, "SIGKILL");
  });
  expect(played.summary.status).toBe("failed");
  expect(played.summary.failures).toMatchObject([{ stage: "proto", code: "FSL7020" }]);
  const again = await play(experiment([base, proto]), at);
  expect(typesOf(again, "base")).toEqual(["stage.cached"]);
  expect(again.summary.status).toBe("done");
});

test("stopped in the middle of a stage: interrupted, finished stages kept, no failure", async () => {
  const at = fresh("stopped");
  const long = { ...proto, duration: { ...proto.duration, epochs: 10_000 } };
  const started = run(experiment([base, long]), { project: at });
  const played = await follow(started, (event) => {
    if (event.type === "stage.step" && event.stage === "proto") started.stop();
  });
  expect(played.summary).toMatchObject({ status: "interrupted", failures: [] });
  expect(typesOf(played, "base")).toContain("stage.done");
  expect(typesOf(await play(experiment([base]), at), "base")).toEqual(["stage.cached"]);
});

test("aborted: over at once, and finished stages are kept", async () => {
  const at = fresh("stopped");
  const long = { ...proto, duration: { ...proto.duration, epochs: 10_000 } };
  const started = run(experiment([base, long]), { project: at });
  const played = await follow(started, (event) => {
    if (event.type === "stage.start" && event.stage === "proto") started.abort();
  });
  expect(played.summary).toMatchObject({ status: "interrupted", failures: [] });
  expect(typesOf(played, "base")).toEqual(["stage.cached"]);
});

test("a loss that is not finite stops its stage by name and step; earlier stages are intact", async () => {
  const at = fresh("home-onnx");
  const wild = { ...proto, optimizer: sgd({ lr: 1e30 }) };
  const played = await play(experiment([base, wild]), at);
  expect(played.summary.status).toBe("failed");
  const [failure] = played.summary.failures;
  expect(failure).toMatchObject({ stage: "proto", code: "FSL7006" });
  expect(failure?.message).toMatch(/`proto` is not finite at step \d+ \(epoch \d\), with learning rate 1e\+30/);
  expect(failure?.fix).toContain("learning rate");
  expect(readWeights(entryOf(at, "base"))["encoder.conv.0.weight"]?.shape).toEqual([8, 3, 3, 3]);
});

test("an unreadable image stops the ingest and is named", async () => {
  const dir = join(project.dir, "damaged");
  cpSync(join(project.dir, "images"), join(dir, "images"), { recursive: true });
  writeFileSync(join(dir, "images", "train", "train-1", "3.png"), "not a picture");
  const played = await play(experiment([base]), { dir, home: join(dir, ".fslc") });
  expect(played.summary.status).toBe("failed");
  expect(played.summary.failures[0]).toMatchObject({ stage: "data:d" });
  expect(played.summary.failures[0]?.code).toMatch(/^FSL6/);
  expect(played.summary.failures[0]?.message).toContain("3.png");
  expect(existsSync(join(dir, ".fslc", "store"))).toBe(false);
});

test("what cannot be is refused before anything starts, all of it", () => {
  const refused = prepareRun(experiment(), { project, engine: "onx", force: ["protp"], threads: 0, seed: -1 });
  if (!("diagnostics" in refused)) throw new Error("not refused");
  expect(refused.diagnostics.map(({ code }) => code).sort()).toEqual(["FSL7002", "FSL7041", "FSL7042", "FSL7042"]);
  expect(refused.diagnostics.flatMap(({ help }) => help)).toContain("did you mean `proto`?");
  const blocker = { code: "FSL5999", message: "does not run yet", span: base.span };
  const blocked = prepareRun(experiment([{ ...base, blockers: [blocker] }]), { project });
  expect("diagnostics" in blocked && blocked.diagnostics.map(({ message }) => message)).toEqual(["does not run yet"]);
});

const noTensorflow = findTensorflow() === undefined;

test.skipIf(noTensorflow)(
  `a card that is gone since it was chosen${noTensorflow ? " (skipped: fslc engines install tensorflow)" : ""}`,
  async () => {
    vi.stubEnv("CUDA_VISIBLE_DEVICES", "");
    const choice = { name: "tensorflow", device: "gpu:0" } as const;
    const { summary } = await follow(
      run(experiment([baseline]), { project: fresh("home-onnx"), choice, force: ["baseline"] }),
    );
    vi.unstubAllEnvs();
    expect(summary).toMatchObject({ status: "failed", failures: [{ stage: "baseline", code: "FSL7008" }] });
  },
);

test("a device that the engine does not have is refused, also where the store has all of it", async () => {
  // Before anything starts, where no machine has it; else by the run.
  const options = { project: fresh("home-onnx"), device: "gpu:99" };
  const refused = prepareRun(experiment([baseline]), { ...options, engine: "reference" });
  expect("diagnostics" in refused && refused.diagnostics.map(({ code }) => code)).toEqual(["FSL7008"]);
  const { summary, events } = await follow(run(experiment([baseline]), options));
  expect(summary).toMatchObject({ status: "failed", failures: [{ stage: "run", code: "FSL7008" }] });
  expect(events.map(({ type }) => type)).toEqual(["run.start", "run.done"]);
});
