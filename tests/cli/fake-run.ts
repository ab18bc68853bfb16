import type { Result, RunEvent, StageOutline } from "../../src/runtime/events/events.js";

export interface FakeOptions {
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly msPerStep: number;
  /** Further evaluate stages, to make the graph long. */
  readonly extraStages: number;
}
const start = Date.UTC(2026, 0, 1, 12, 0, 0);
const numerics = { engine: "onnx", version: "1.30.0", device: "cpu", threads: 2 };

/** The events of an invented run: ingest, a pretraining from the store, a meta stage that learns, evaluations. */
export function fakeRun(options: Partial<FakeOptions> = {}): RunEvent[] {
  const { steps, stepsPerEpoch, msPerStep, extraStages } = {
    steps: 600,
    stepsPerEpoch: 100,
    msPerStep: 180,
    extraStages: 0,
    ...options,
  };
  const events: RunEvent[] = [];
  let time = start;
  const at = (ms: number): { time: number } => {
    time += ms;
    return { time };
  };
  const outline = (kind: StageOutline["kind"], name: string, needs: string[]): StageOutline => ({
    id: name,
    kind,
    name,
    needs,
  });
  const stages: StageOutline[] = [
    outline("ingest", "drawings", []),
    outline("pretrain", "base", ["drawings"]),
    outline("meta", "proto", ["drawings", "base"]),
    outline("evaluate", "test", ["drawings", "proto"]),
    outline("evaluate", "pixels", ["drawings"]),
    ...Array.from({ length: extraStages }, (_, i) => outline("evaluate", `extra_${i}`, ["proto"])),
  ];
  events.push({
    ...at(0),
    type: "run.start",
    run: "20260101-120000",
    file: "examples/emoji.fsl",
    version: "0.1.0",
    seed: 0,
    stages,
  });

  events.push({ ...at(5), type: "stage.start", stage: "drawings", attempt: 1, engine: undefined });
  for (let done = 0; done <= 7024; done += 439) {
    events.push({
      ...at(400),
      type: "stage.progress",
      stage: "drawings",
      phase: "decode",
      done,
      total: 7024,
      unit: "images",
    });
  }
  events.push({ ...at(50), type: "stage.done", stage: "drawings", key: "d1", seconds: 7.2, results: [] });
  events.push({ ...at(5), type: "stage.cached", stage: "base", key: "b1", numerics: numerics, results: [] });

  events.push({ ...at(5), type: "stage.start", stage: "proto", attempt: 1, engine: numerics });
  events.push({ ...at(5), type: "stage.note", stage: "proto", message: "1,200 graph nodes after fusion" });
  let best = 0;
  for (let step = 1; step <= steps; step++) {
    const epoch = Math.ceil(step / stepsPerEpoch);
    const noise = Math.sin(step * 12.9898) * 0.05;
    const loss = 1.6 * Math.exp((-2 * step) / steps) + noise + 0.1;
    const accuracy = Math.min(1, 0.9 - 0.6 * Math.exp((-3 * step) / steps) + noise);
    events.push({
      ...at(msPerStep),
      type: "stage.step",
      stage: "proto",
      step,
      steps,
      epoch,
      loss,
      accuracy,
      lr: 1e-3,
      itemsPerSecond: 4000 / msPerStep,
      unit: "episodes",
    });
    if (step % stepsPerEpoch !== 0) continue;
    for (let done = 0; done <= 600; done += 150) {
      events.push({
        ...at(300),
        type: "stage.progress",
        stage: "proto",
        phase: "validate",
        done,
        total: 600,
        unit: "episodes",
      });
    }
    const valid = 0.8 - 0.4 * Math.exp((-3 * step) / steps) + noise / 2;
    events.push({
      ...at(50),
      type: "stage.validate",
      stage: "proto",
      step,
      epoch,
      accuracy: valid,
      ci95: 0.0083,
      episodes: 600,
      best: valid > best,
    });
    best = Math.max(best, valid);
  }
  events.push({
    ...at(20),
    type: "stage.done",
    stage: "proto",
    key: "p1",
    seconds: (time - start) / 1000,
    results: [],
  });

  const results: Result[] = [];
  for (const stage of stages.filter((s) => s.kind === "evaluate")) {
    events.push({ ...at(5), type: "stage.start", stage: stage.id, attempt: 1, engine: numerics });
    for (let done = 0; done <= 1000; done += 100) {
      events.push({
        ...at(120),
        type: "stage.progress",
        stage: stage.id,
        phase: "evaluate",
        done,
        total: 1000,
        unit: "episodes",
      });
    }
    const result: Result = {
      stage: stage.id,
      metric: "accuracy",
      mean: stage.id === "pixels" ? 0.4127 : 0.7831,
      ci95: 0.0061,
      episodes: 1000,
    };
    results.push(result);
    events.push({ ...at(20), type: "stage.done", stage: stage.id, key: stage.id, seconds: 1.3, results: [result] });
  }
  events.push({ ...at(5), type: "run.done", status: "done", results, seconds: (time - start) / 1000 });
  return events;
}

/** The first events of an invented sweep: one training and one evaluation for each of 2 methods, `rates` rates and 5 seeds; the first ones have ended. */
export function fakeSweep(rates: number, ended: number): RunEvent[] {
  const seeds = [0, 1, 2, 3, 4];
  const methods = ["prototypes", "matching"];
  const values = Array.from({ length: rates }, (_, i) => (i + 1) / 100);
  const variants = methods.flatMap((method) => values.flatMap((rate) => seeds.map((seed) => ({ method, rate, seed }))));
  const proto = ({ method, rate, seed }: (typeof variants)[number]) =>
    `proto@method=${method},rate=${rate},seed=${seed}`;
  const test = ({ method, rate, seed }: (typeof variants)[number]) => `test@method=${method},rate=${rate},seed=${seed}`;
  const stages = variants.flatMap((variant): StageOutline[] => [
    { id: proto(variant), kind: "meta", name: proto(variant), needs: ["data:drawings"] },
    { id: test(variant), kind: "evaluate", name: test(variant), needs: [proto(variant), "data:drawings"] },
  ]);
  const done = { key: "k", numerics, results: [] };
  return [
    {
      time: start,
      type: "run.start",
      run: "20260101-120000",
      file: "examples/emoji.fsl",
      version: "0.1.0",
      seed: 0,
      sweep: {
        params: [
          { name: "method", values: methods },
          { name: "rate", values },
        ],
        seeds,
        variants: variants.map(({ seed, ...of }) => ({
          values: of,
          seed,
          stages: { proto: proto({ seed, ...of }), test: test({ seed, ...of }) },
        })),
      },
      stages: [{ id: "data:drawings", kind: "ingest", name: "drawings", needs: [] }, ...stages],
    },
    { time: start, type: "stage.cached", stage: "data:drawings", ...done },
    ...stages.slice(0, ended).map(({ id, kind }): RunEvent => {
      const result: Result = { stage: id, metric: "accuracy", mean: 0.7831, ci95: 0.0061, episodes: 1000 };
      const results = kind === "evaluate" ? [result] : [];
      return { time: start + 1000, type: "stage.done", stage: id, key: "k", seconds: 61, results };
    }),
    ...stages.slice(ended, ended + 2).map(({ id }): RunEvent => {
      return { time: start + 2000, type: "stage.start", stage: id, attempt: 1, engine: numerics };
    }),
  ];
}
