import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Span } from "../../grammar/ast.js";
import { DiagnosticError, diagnostic } from "../../src/compiler/diagnostics/diagnostic.js";
import { type Variant, type VariantGraph, variantGraph } from "../../src/compiler/stages/variants.js";
import type { Dataset, EvaluateStage, Experiment, MetaStage, Metric, Network } from "../../src/compiler/typed/tree.js";
import type { EngineChoice } from "../../src/runtime/engines/select.js";
import type { RunEvent } from "../../src/runtime/events/events.js";
import { type ScheduleOptions, Scheduler, type ScheduleSummary } from "../../src/runtime/scheduler/scheduler.js";
import type { Outcome, PlacedJob } from "../../src/runtime/stages/job.js";
import { numericsRecord } from "../../src/runtime/store/numerics.js";
import { writeEntry } from "../../src/runtime/store/store.js";
import { schemaProblem } from "../../src/runtime/system/schema.js";
import type { Executor } from "../../src/runtime/worker/executor.js";
import { digests } from "../lower/fixtures.js";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "fslc-schedule-"));
  mkdirSync(join(home, "runs", "r"), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

// ---------------------------------------------------------------- an experiment of two branches

const span: Span = { file: "x.fsl", start: 0, end: 0 };
const image = { channels: 1, height: 8, width: 8 };
const dataset: Dataset = {
  id: "d",
  name: "d",
  source: { kind: "folder", args: {} },
  train: [],
  eval: [],
  unreadable: "stop",
  image,
  facts: undefined,
  span,
};
const encoder: Network = { name: "net", input: [], layers: [], outputs: {}, weights: [] };
const metric: Metric = { name: "m", learns: [], fits: [], entries: {} };
const slot = <T>(value: T, stage?: string) => ({
  value,
  from: stage === undefined ? undefined : { stage, slot: "encoder" as const },
  frozen: false,
  span,
});
const task = { way: 2, shot: 1, query: 1 };
const split = { dataset: "d", split: "train" as const, span };
const meta = (id: string, lr: number): MetaStage => ({
  kind: "meta",
  id,
  name: id,
  span,
  needs: [],
  blockers: [],
  encoder: slot(encoder),
  metric: slot(metric),
  episodes: { task, split },
  loss: { statements: [], result: { k: "number", value: 0, type: { kind: "real", axes: [] }, span } },
  optimizer: {
    kind: "sgd",
    lr,
    weightDecay: 0,
    momentum: 0,
    nesterov: false,
    beta1: 0,
    beta2: 0,
    eps: 0,
    clip: undefined,
    overrides: {},
    span,
  },
  schedule: { kind: "constant", warmup: 0 },
  duration: { epochs: 1, stepsPerEpoch: 1, perStep: 1 },
  validate: undefined,
});
const evaluate = (id: string, of: string): EvaluateStage => ({
  kind: "evaluate",
  id,
  name: id,
  span,
  needs: [of],
  blockers: [],
  encoder: slot(encoder, of),
  metric: slot(metric),
  rows: [{ label: "", task, split, episodes: 3, metric }],
  report: [],
  embedOnce: { legal: true },
});
function experiment(lr = 1): Experiment {
  return {
    file: "x.fsl",
    params: [],
    datasets: { d: dataset },
    stages: [meta("a", lr), evaluate("ra", "a"), meta("b", 2), evaluate("rb", "b"), meta("unused", 3)],
    wanted: ["ra", "rb"],
  };
}

const graphOf = (typed: Experiment): VariantGraph => variantGraph([{ experiment: typed, seed: 0, values: {} }]);

// ---------------------------------------------------------------- an executor without processes

interface Played {
  summary: ScheduleSummary;
  events: RunEvent[];
  /** Nodes that a worker was started for, in order. */
  worked: string[];
  /** Nodes whose jobs were asked to stop. */
  stopped: string[];
}
type Behaviour = (job: PlacedJob, scheduler: Scheduler) => Outcome | Promise<Outcome>;

async function store(job: PlacedJob, accuracy: number): Promise<Outcome> {
  const stage = job.experiment.stages.find(({ id }) => id === job.target);
  if (stage === undefined) throw new Error(job.target);
  const { dir } = await writeEntry(join(home, "store"), {
    key: job.key,
    content: job.content,
    stage: { id: stage.id, kind: stage.kind },
    fslc: "0",
    created: new Date().toISOString(),
    seconds: 0,
    seed: job.seed,
    inputs: [],
    data: [],
    numerics: numericsRecord(
      { engine: job.engine.name, version: "1", device: job.engine.device === "cpu" ? "cpu" : "gpu", threads: 1 },
      { images: 1, episodes: 1 },
    ),
    results: stage.kind === "evaluate" ? [{ metric: "accuracy", mean: accuracy, ci95: 0.1, episodes: 3 }] : [],
    history: [],
    reports: [],
    ...(stage.kind === "evaluate"
      ? {}
      : {
          weights: {
            tensors: {
              w: {
                shape: [1],
                dtype: "f32" as const,
                data: new Float32Array([stage.kind === "meta" ? stage.optimizer.lr : 0]),
              },
            },
            from: { step: 1, epoch: 1, choice: "last" as const },
          },
        }),
  });
  return { kind: "stored", dir, reused: false };
}
const finishes: Behaviour = (job) => (job.node.startsWith("data:") ? { kind: "packed" } : store(job, 0.5));

async function play(
  change: Partial<ScheduleOptions> = {},
  behaviour: Behaviour = finishes,
  packed = true,
  engine: EngineChoice = { name: "onnx", device: "cpu" },
  capacity = 1,
): Promise<Played> {
  const events: RunEvent[] = [];
  const worked: string[] = [];
  const stopped: string[] = [];
  let isPacked = packed;
  const threads = { engine: 1, loaders: 1 };
  const executor: Executor = {
    engine,
    capacity,
    submit(job) {
      worked.push(job.node);
      if (job.node.startsWith("data:")) isPacked = true;
      const outcome = Promise.resolve(behaviour({ ...job, engine, threads }, scheduler));
      return { outcome, stop: () => stopped.push(job.node), abort() {} };
    },
  };
  const scheduler: Scheduler = new Scheduler(
    {
      graph: graphOf(experiment()),
      project: { dir: home, home },
      runDir: join(home, "runs", "r"),
      scratch: join(home, "scratch"),
      acceptedNumerics: {},
      exact: false,
      profile: false,
      force: new Set(),
      onFailure: { retries: 0, stops: false },
      findPack: async () => (isPacked ? { digests: digests("digest"), dir: "pack" } : undefined),
      ...change,
    },
    (event) => events.push(event),
  );
  const summary = await scheduler.run(executor);
  for (const event of events) expect(schemaProblem("event", JSON.parse(JSON.stringify(event)))).toBeUndefined();
  return { summary, events, worked, stopped };
}
const typesOf = ({ events }: Played): string[] =>
  events.map((event) => `${event.type} ${"stage" in event ? event.stage : ""}`);

// ---------------------------------------------------------------- tests

test("stages run in order of need, and only those that are needed", async () => {
  const played = await play({}, finishes, false);
  expect(played.worked).toEqual(["data:d", "a", "ra", "b", "rb"]);
  expect(played.summary.status).toBe("done");
  expect(played.summary.results.map(({ stage, mean }) => [stage, mean])).toEqual([
    ["ra", 0.5],
    ["rb", 0.5],
  ]);
});

test("a second run is served from the store, without a worker", async () => {
  await play();
  const again = await play();
  expect(again.worked).toEqual([]);
  expect(typesOf(again)).toEqual(["data:d", "a", "ra", "b", "rb"].map((id) => `stage.cached ${id}`));
  expect(again.summary.results).toHaveLength(2);
});

test("a changed hyper-parameter runs that stage and what follows from it, nothing else", async () => {
  await play();
  const changed = await play({ graph: graphOf(experiment(7)) });
  expect(changed.worked).toEqual(["a", "ra"]);
});

test("renamed stages are found again under their new names", async () => {
  await play();
  const renamed = experiment();
  const stages = [meta("a2", 1), evaluate("ra2", "a2")];
  const again = await play({ graph: graphOf({ ...renamed, stages, wanted: ["ra2"] }) });
  expect(again.worked).toEqual([]);
  expect(again.summary.results[0]?.stage).toBe("ra2");
});

test("a forced stage runs; what depends on it runs only if its output changed", async () => {
  await play();
  expect((await play({ force: new Set(["a"]) })).worked).toEqual(["a"]);
});

test("with a given engine only its own results serve", async () => {
  await play();
  const other = () =>
    play({ acceptedNumerics: { engine: "reference" } }, finishes, true, { name: "reference", device: "cpu" });
  expect((await other()).worked).toEqual(["a", "ra", "b", "rb"]);
  expect((await other()).worked).toEqual([]);
  expect((await play()).worked).toEqual([]);
});

test("with a given device only results of such a device serve, whichever engine's", async () => {
  await play();
  const onGpu = () =>
    play({ acceptedNumerics: { device: "gpu" } }, finishes, true, { name: "onnx", device: "gpu:1", adapter: "a card" });
  expect((await onGpu()).worked).toEqual(["a", "ra", "b", "rb"]);
  expect((await onGpu()).worked).toEqual([]);
  expect((await play({ acceptedNumerics: { device: "cpu" } })).worked).toEqual([]);
});

test("with exact numerics the worker is asked, and may say that the store has it", async () => {
  await play();
  const played = await play({ exact: true }, async (job) => {
    expect(job.reuseExact).toBe(true);
    const outcome = await store(job, 0.5);
    return outcome.kind === "stored" ? { ...outcome, reused: true } : outcome;
  });
  expect(played.worked).toEqual(["a", "ra", "b", "rb"]);
  expect(typesOf(played)).toContain("stage.cached ra");
});

test("a failed stage takes only its dependants with it, and what had finished stays", async () => {
  const failing: Behaviour = (job) =>
    job.node === "a"
      ? { kind: "failed", failure: { code: "FSL7020", message: "died", fix: "again" } }
      : finishes(job, undefined as never);
  const played = await play({}, failing);
  expect(played.summary.status).toBe("failed");
  expect(played.summary.failures).toEqual([{ stage: "a", code: "FSL7020", message: "died", fix: "again" }]);
  expect(played.worked).toEqual(["a", "b", "rb"]);
  expect(typesOf(played)).toContain("stage.note ra");
  expect((await play()).worked).toEqual(["a", "ra"]);
});

test("with the policy to stop, a failure ends the run, which has failed and was not interrupted", async () => {
  const failing: Behaviour = (job) =>
    job.node === "a"
      ? { kind: "failed", failure: { code: "FSL7020", message: "died", fix: "again" } }
      : finishes(job, undefined as never);
  const played = await play({ onFailure: { retries: 0, stops: true } }, failing);
  expect([played.summary.status, played.worked]).toEqual(["failed", ["a"]]);
  expect(played.summary.failures).toHaveLength(1);
});

test("with retries, a stage is tried again from where it was, and as often as it may", async () => {
  const tried: [number, boolean][] = [];
  const failingUntil = (last: number): Behaviour => {
    let tries = 0;
    return (job) => {
      if (job.node !== "a") return finishes(job, undefined as never);
      tried.push([job.attempt, job.fresh]);
      if (++tries === last) return finishes(job, undefined as never);
      return { kind: "failed", failure: { code: "FSL7020", message: "died", fix: "again" } };
    };
  };
  const onFailure = { retries: 2, stops: false };
  const force = new Set(["a"]);
  const played = await play({ onFailure, force }, failingUntil(3));
  expect([played.summary.status, played.worked]).toEqual(["done", ["a", "a", "a", "ra", "b", "rb"]]);
  // A forced stage begins at its start once, and a retry continues.
  expect(tried).toEqual([
    [1, true],
    [2, false],
    [3, false],
  ]);
  const [note] = played.events.filter(({ type }) => type === "stage.note");
  expect(note).toMatchObject({ stage: "a", message: "it failed (FSL7020: died) and is tried again, 1 of 2" });
  const given = await play({ onFailure, force }, failingUntil(4));
  expect([given.summary.status, given.summary.failures.length]).toEqual(["failed", 1]);
});

test("a diagnostic that is thrown and an exception that nobody expected both become failures", async () => {
  const disk = await play({}, () => {
    throw new DiagnosticError(diagnostic("FSL7031", undefined, { path: "p", why: "the disk is full" }));
  });
  expect(disk.summary.failures[0]).toMatchObject({ stage: "a", code: "FSL7031" });
  const bug = await play({}, () => {
    throw new TypeError("x is not a function\nat somewhere");
  });
  const [failure] = bug.summary.failures;
  expect(failure?.code).toBe("FSL7099");
  expect(failure?.message).toMatch(/x is not a function \(fslc \d.*bug-a\.txt/);
  expect(failure?.message).not.toContain("\n");
});

test("stopped in the middle: what has finished is kept, the rest waits for the next run", async () => {
  const played = await play({}, (job, scheduler) => {
    if (job.node !== "b") return store(job, 0.5);
    scheduler.stop();
    return { kind: "stopped" };
  });
  expect(played.summary).toMatchObject({ status: "interrupted", failures: [] });
  expect(played.summary.results).toHaveLength(1);
  expect(typesOf(played).filter((type) => type.startsWith("stage.failed"))).toEqual([]);
  expect((await play()).worked).toEqual(["b", "rb"]);
});

test("a stage that finishes while it is being stopped is kept", async () => {
  await play({}, (job, scheduler) => {
    if (job.node === "a") scheduler.stop();
    return store(job, 0.5);
  });
  expect((await play()).worked).toEqual(["ra", "b", "rb"]);
});

test("a stop that comes while the last stage finishes interrupts nothing", async () => {
  const played = await play({}, (job, scheduler) => {
    if (job.node === "rb") scheduler.stop();
    return store(job, 0.5);
  });
  expect(played.summary.status).toBe("done");
  expect(played.summary.results).toHaveLength(2);
});

test("an executor with room for two jobs runs both branches at once, and results keep the order of the stages", async () => {
  const order: string[] = [];
  const slowFirst: Behaviour = async (job) => {
    order.push(`start ${job.node}`);
    await new Promise((resolve) => setTimeout(resolve, job.node === "a" ? 150 : 10));
    order.push(`end ${job.node}`);
    return store(job, 0.5);
  };
  const played = await play({}, slowFirst, true, undefined, 2);
  expect(order.indexOf("start b")).toBeLessThan(order.indexOf("end a"));
  expect(order.indexOf("end b")).toBeLessThan(order.indexOf("end a"));
  expect(order.indexOf("end a")).toBeLessThan(order.indexOf("start ra"));
  expect(played.summary.results.map(({ stage }) => stage)).toEqual(["ra", "rb"]);
});

test("a stop reaches every running job", async () => {
  const ends: (() => void)[] = [];
  const untilStopped: Behaviour = (job, scheduler) => {
    if (job.node === "b") {
      setTimeout(() => {
        scheduler.stop();
        for (const end of ends) end();
      }, 0);
    }
    return new Promise<Outcome>((resolve) => ends.push(() => resolve({ kind: "stopped" })));
  };
  const played = await play({}, untilStopped, true, undefined, 2);
  expect(played.stopped).toEqual(["a", "b"]);
  expect(played.worked).toEqual(["a", "b"]);
  expect(played.summary).toMatchObject({ status: "interrupted", failures: [] });
});

test("two runs at once compute each stage once", async () => {
  const slow: Behaviour = async (job) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return store(job, 0.5);
  };
  const both = await Promise.all([play({}, slow), play({}, slow)]);
  const worked = both.flatMap(({ worked }) => worked).sort();
  expect(worked).toEqual(["a", "b", "ra", "rb"]);
  expect(both.map(({ summary }) => summary.results.length)).toEqual([2, 2]);
  expect(both.flatMap(typesOf)).toContain("stage.note a");
}, 20_000);

// ---------------------------------------------------------------- several variants in one graph

/** The experiment above with the learning rate of `a` in each variant, for two seeds. */
const sweep = (rates: readonly number[]): Variant[] =>
  rates.flatMap((rate) => [0, 1].map((seed) => ({ experiment: experiment(rate), seed, values: { rate } })));

test("a sweep runs each stage that variants share once, and names the others by what tells them apart", async () => {
  const played = await play({ graph: variantGraph(sweep([1, 7])) }, finishes, false);
  expect(played.worked).toEqual([
    "data:d",
    "a@rate=1,seed=0",
    "ra@rate=1,seed=0",
    "b@seed=0",
    "rb@seed=0",
    "a@rate=1,seed=1",
    "ra@rate=1,seed=1",
    "b@seed=1",
    "rb@seed=1",
    "a@rate=7,seed=0",
    "ra@rate=7,seed=0",
    "a@rate=7,seed=1",
    "ra@rate=7,seed=1",
  ]);
  expect(played.summary.results.map(({ stage }) => stage)).toEqual(played.worked.filter((id) => id.startsWith("r")));
});

test("a sweep finds what single runs stored, and single runs find what a sweep stored", async () => {
  await play({ graph: variantGraph([{ experiment: experiment(7), seed: 1, values: {} }]) });
  const swept = await play({ graph: variantGraph(sweep([1, 7])) });
  expect(swept.worked).toEqual(
    ["a@rate=1,seed=0", "b@seed=0", "a@rate=1,seed=1", "a@rate=7,seed=0"].flatMap((id) => [id, `r${id}`]),
  );
  const single = await play({ graph: variantGraph([{ experiment: experiment(1), seed: 1, values: {} }]) });
  expect(single.worked).toEqual([]);
  expect(single.summary.results.map(({ stage }) => stage)).toEqual(["ra", "rb"]);
});

test("values in ids are short, safe in names of files, and different for different values", () => {
  const values = ["a b", "a/b", "", "x".repeat(40)];
  const variants = values.map((value, i) => ({ experiment: experiment(i + 1), seed: 0, values: { of: value } }));
  expect(variantGraph(variants).nodes.flatMap(({ id }) => (id.startsWith("a@") ? [id] : []))).toEqual([
    "a@of=a-b",
    "a@of=a-b.2",
    "a@of=.2",
    `a@of=${"x".repeat(24)}`,
  ]);
});
