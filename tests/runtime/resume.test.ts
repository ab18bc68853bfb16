/** Tests that a training which was stopped or killed continues at its last checkpoint, and ends in the bits of an uninterrupted one. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { Experiment } from "../../src/compiler/typed/tree.js";
import { plan } from "../../src/runtime/run/plan.js";
import { prepareRun } from "../../src/runtime/run/preflight.js";
import { localEnvironment, run, startRun } from "../../src/runtime/run/run.js";
import { type Checkpoint, Checkpoints } from "../../src/runtime/store/checkpoints.js";
import { numericsId } from "../../src/runtime/store/numerics.js";
import { allEntries } from "../../src/runtime/store/store.js";
import { type Project, projectPaths } from "../../src/runtime/system/project.js";
import { runInWorker } from "../../src/runtime/worker/client.js";
import type { Executor } from "../../src/runtime/worker/executor.js";
import { numerics } from "./stored.js";
import { base, experiment, follow, makeProject, type Played, proto } from "./tiny.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

describe("checkpoints on disk", () => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-checkpoints-"));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const at = (key: string) => new Checkpoints(dir, { key, numerics, version: "1" });
  const folder = (key: string): string => join(dir, key, `${numericsId(numerics)}-1`);
  const filesOf = (key: string): string[] =>
    readdirSync(folder(key))
      .filter((file) => file !== "numerics.json")
      .sort();
  const state = (step: number): Checkpoint => ({
    step,
    history: [{ step, epoch: 1, accuracy: 0.5, ci95: Number.NaN, episodes: 1, best: true }],
    tensors: { "state/w": { shape: [2], dtype: "f32", data: Float32Array.of(step, -0) } },
  });

  test("the newest is read as it was written, and the last two are kept", async () => {
    for (const step of [9, 10, 11]) await at("a").write(state(step));
    expect(at("a").newest(() => {})).toEqual(state(11));
    expect(filesOf("a").map((name) => name.split("-")[1])).toEqual(["10", "11"]);
  });

  test.each([
    ["truncated", (path: string) => truncateSync(path, 40)],
    [
      "changed by one bit",
      (path: string) => {
        const bytes = readFileSync(path);
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        writeFileSync(path, bytes);
      },
    ],
  ])("one that is %s is named, and the one before it is used", async (name, damage) => {
    const checkpoints = at(name);
    for (const step of [5, 6]) await checkpoints.write(state(step));
    const [, last = ""] = filesOf(name);
    const path = join(folder(name), last);
    damage(path);
    const damaged: string[] = [];
    expect(checkpoints.newest((found) => damaged.push(found))).toEqual(state(5));
    expect(damaged).toEqual([path]);
  });

  test("a pipe in the place of one is damaged, and nothing waits for it", async () => {
    const checkpoints = at("d");
    await checkpoints.write(state(1));
    const [name = ""] = filesOf("d");
    rmSync(join(folder("d"), name));
    spawnSync("mkfifo", [join(folder("d"), name)]);
    expect(checkpoints.newest(() => {})).toBeUndefined();
    expect(filesOf("d")).toEqual([]);
  });

  test("damaged ones make room for new ones", async () => {
    const checkpoints = at("c");
    for (const step of [5, 6]) await checkpoints.write(state(step));
    for (const name of filesOf("c")) truncateSync(join(folder("c"), name), 40);
    expect(checkpoints.newest(() => {})).toBeUndefined();
    await checkpoints.write(state(1));
    expect(checkpoints.newest(() => {})).toEqual(state(1));
  });

  test("other numerics and other versions have checkpoints of their own", async () => {
    await at("b").write(state(1));
    expect(
      new Checkpoints(dir, { key: "b", numerics: { ...numerics, threads: 3 }, version: "1" }).newest(() => {}),
    ).toBeUndefined();
    expect(new Checkpoints(dir, { key: "b", numerics, version: "2" }).newest(() => {})).toBeUndefined();
  });
});

describe("a training that ends early", () => {
  /** So long that a stop or a kill always comes before its end. */
  const long = { ...proto, duration: { ...proto.duration, epochs: 40 } };
  const typed = experiment([base, long]);
  let project: Project;
  let whole: Played;
  let wanted: ReadonlyMap<string, Stored>;
  beforeAll(async () => {
    project = await makeProject();
    whole = await play(typed, fresh("whole"));
    wanted = storedIn(fresh("whole"));
  });
  afterAll(() => rmSync(project.dir, { recursive: true, force: true }));
  afterEach(() => vi.unstubAllEnvs());

  /** What an entry holds of the numbers of a training. */
  interface Stored {
    readonly weights: string;
    readonly history: unknown;
    readonly from: unknown;
  }
  const fresh = (name: string): Project => ({ dir: project.dir, home: join(project.dir, name) });
  const play = (what: Experiment, at: Project): Promise<Played> => follow(run(what, { project: at, threads: 2 }));
  function storedIn(at: Project): ReadonlyMap<string, Stored> {
    return new Map(
      allEntries(projectPaths.store(at)).map(({ manifest: { stage, weights, history } }) => [
        stage.id,
        { weights: weights?.sha256 ?? "", from: weights?.from, history },
      ]),
    );
  }
  const notesOf = ({ events }: Played): string[] =>
    events.flatMap((event) => (event.type === "stage.note" ? [event.message] : []));
  const validationsOf = ({ events }: Played): unknown[] =>
    events.flatMap((event) => (event.type === "stage.validate" ? [[event.step, event.accuracy, event.best]] : []));

  test("is stopped, and continues after its last step", async () => {
    const at = fresh("stopped");
    expect((await stopAt(30, at)).summary.status).toBe("interrupted");
    const { stages } = await plan(typed, { project: at, threads: 2 }, { costs: false });
    const [step] = readdirSync(projectPaths.checkpoints(at), { recursive: true, encoding: "utf8" })
      .flatMap((name) => /step-(\d+)-/.exec(name)?.[1] ?? [])
      .map(Number);
    expect(stages.at(-1)?.status).toMatchObject({ cached: false, continues: { count: step, unit: "steps" } });
    // With other threads it would not continue.
    const other = await plan(typed, { project: at, threads: 1 }, { costs: false });
    expect(other.stages.at(-1)?.status).not.toHaveProperty("continues");
    const again = await play(typed, at);
    expect(notesOf(again)[0]).toMatch(/^continues after step \d+, where an earlier run was stopped$/);
    expect(storedIn(at)).toEqual(wanted);
    expect(validationsOf(again)).toEqual(validationsOf(whole));
    // What is finished needs no checkpoint any more.
    expect(readdirSync(projectPaths.checkpoints(at))).toEqual([]);
  });

  /** Stops a run when the training reports a step. The worker may make some more steps before it sees the wish. */
  function stopAt(step: number, at: Project): Promise<Played> {
    const started = run(typed, { project: at, threads: 2 });
    return follow(started, (event) => {
      if (event.type === "stage.step" && event.stage === "proto" && event.step >= step - 4) started.stop();
    });
  }

  test("the worker is killed in the middle, and the next run repeats only the steps since the last checkpoint", async () => {
    vi.stubEnv("FSLC_CHECKPOINT_SECONDS", "0");
    const at = fresh("killed");
    const preparation = prepareRun(typed, { project: at, threads: 2 });
    if (!("prepared" in preparation)) throw new Error("refused");
    const environment = localEnvironment(preparation.prepared);
    const executor = await environment.openExecutor();
    let pid: number | undefined;
    const submit: Executor["submit"] = (job, onEvent) => {
      const worker = runInWorker({ ...job, engine: executor.engine, threads: preparation.prepared.threads }, onEvent);
      pid = worker.pid;
      return worker;
    };
    const started = startRun(preparation.prepared, {
      ...environment,
      openExecutor: async () => ({ ...executor, submit }),
    });
    const killed = await follow(started, (event) => {
      if (event.type === "stage.validate" && event.stage === "proto" && pid !== undefined) process.kill(pid, "SIGKILL");
    });
    expect(killed.summary.failures).toMatchObject([{ stage: "proto", code: "FSL7020" }]);
    const again = await play(typed, at);
    const [note = ""] = notesOf(again);
    expect(Number(/continues after step (\d+)/.exec(note)?.[1])).toBeGreaterThanOrEqual(3);
    expect(storedIn(at)).toEqual(wanted);
  });

  test("where no checkpoint can be written, it goes on and says so once", async () => {
    vi.stubEnv("FSLC_CHECKPOINT_SECONDS", "0");
    const at = fresh("unwritable");
    mkdirSync(at.home);
    writeFileSync(projectPaths.checkpoints(at), "");
    const played = await play(typed, at);
    expect(played.summary.status).toBe("done");
    expect(notesOf(played).filter((note) => note.startsWith("no checkpoint is kept: "))).toHaveLength(2);
    expect(storedIn(at)).toEqual(wanted);
  });

  test("with --force it starts at the first step", async () => {
    const at = fresh("forced");
    expect((await stopAt(30, at)).summary.status).toBe("interrupted");
    const again = await follow(run(typed, { project: at, threads: 2, force: ["proto"] }));
    expect(notesOf(again)).toEqual([]);
    expect(storedIn(at)).toEqual(wanted);
  });
});
