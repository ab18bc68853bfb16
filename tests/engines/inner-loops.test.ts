/** Steps of meta-learners, episodes side by side or one by one: the ONNX engine against the interpreter. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lowerTraining, type TrainingProgram } from "../../src/compiler/lower/index.js";
import type { Engine, Handle, HostTensor } from "../../src/runtime/engines/engine.js";
import { createEngine } from "../../src/runtime/engines/index.js";
import { experimentOf } from "../lower/fsl.js";
import { initialState, step, stream, type Values } from "../lower/harness.js";
import { typed } from "./support.js";

interface Size {
  readonly side: number;
  readonly channels: number;
}
function lowered(metric: string, optimizer: string, { side, channels }: Size): TrainingProgram {
  const experiment = experimentOf(`fsl 1
import { ${metric.replace(/\(.*/, "")} } from "fsl:meta"
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train random_resized_crop(${side}), normalize(mean: [0.5], std: [0.25])
  eval  resize(${side + 2}), center_crop(${side}), normalize(mean: [0.5], std: [0.25])
}
backbone small { repeat 2 { conv(3, ${channels}), batch_norm, relu, max_pool(2) } flatten as vector }
episode task = 3 way, 2 shot, 2 query
meta m {
  encoder   small
  metric    ${metric}
  episodes  task from d.train
  optimizer ${optimizer}
  for       1 epoch of 4 episodes, 2 episodes per step
}
`);
  const stage = experiment.stages[0];
  const [dataset] = Object.values(experiment.datasets);
  if (stage?.kind !== "meta" || !dataset) throw new Error("no meta stage");
  return lowerTraining(stage, dataset, { seed: 0 });
}

/** Images of any kind, and the queries last to first. */
function feedsOf({ program }: TrainingProgram, seed: number): Values {
  const random = stream(seed);
  return Object.fromEntries(
    program.inputs.flatMap(({ name, role, node }) => {
      if (role !== "feed") return [];
      const size = node.shape.reduce((a, b) => a * b, 1);
      const rows = node.shape.at(-1) ?? 1;
      const value = (i: number): number => (name === "images" ? Math.floor(random() * 256) : rows - 1 - (i % rows));
      return [[name, Array.from({ length: size }, (_, i) => value(i))]];
    }),
  );
}

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("onnx", { device: "cpu", threads: 1 });
});
afterAll(() => engine.dispose());

/** The losses of steps on the engine, and the state after them. */
async function trained(
  { program }: TrainingProgram,
  start: Values,
  feeds: readonly Values[],
): Promise<{ losses: number[]; state: Values }> {
  const executable = await engine.compile(program);
  const tensor = (name: string, values: Values): HostTensor => {
    const node = program.inputs.find((input) => input.name === name)?.node;
    if (!node) throw new Error(`no input ${name}`);
    return { shape: node.shape, dtype: node.dtype, data: typed(node.dtype, values[name] ?? []) };
  };
  let handles: Record<string, Handle> = {};
  for (const { name, role } of program.inputs) if (role !== "feed") handles[name] = engine.upload(tensor(name, start));
  const losses: number[] = [];
  for (const given of feeds) {
    const fed = Object.fromEntries(Object.keys(given).map((name) => [name, tensor(name, given)]));
    const { host, device } = await executable.run({ ...handles, ...fed });
    losses.push(host["loss"]?.data[0] ?? Number.NaN);
    handles = { ...handles, ...device };
  }
  const state: Values = {};
  for (const [name, handle] of Object.entries(handles)) {
    state[name] = [...(await engine.download(handle)).data];
    engine.free(handle);
  }
  await executable.dispose();
  return { losses, state };
}

function exact(
  training: TrainingProgram,
  start: Values,
  feeds: readonly Values[],
): { losses: number[]; state: Values } {
  const losses: number[] = [];
  let state = start;
  for (const given of feeds) {
    const after = step(training, state, given);
    losses.push(after.host["loss"]?.[0] ?? Number.NaN);
    state = after.state;
  }
  return { losses, state };
}

describe("one step of SGD", () => {
  it.each([
    "maml(rate: 0.3, inner: 2 steps)",
    "fomaml(rate: 0.3, inner: 2 steps)",
    "maml_inductive(rate: 0.3, inner: 2 steps)",
  ])("%s", async (metric) => {
    const training = lowered(metric, "sgd(lr: 0.5)", { side: 12, channels: 4 });
    const start = initialState(training, 3);
    const feeds = [feedsOf(training, 5)];
    const expected = exact(training, start, feeds);
    const found = await trained(training, start, feeds);
    expect(found.losses[0]).toBeCloseTo(expected.losses[0] ?? Number.NaN, 4);
    for (const path of [...training.trained, "encoder.batch_norm.0.running_mean"]) {
      const own = expected.state[path] ?? [];
      const size = Math.max(...own.map(Math.abs));
      found.state[path]?.forEach((value, i) =>
        expect(Math.abs(value - (own[i] ?? Number.NaN)), path).toBeLessThan(2e-4 * size),
      );
    }
  });
});

/** Weights that no loss depends on: a number added to all logits. Adam divides their rounding errors by themselves. */
const idle = ["metric.beta"];

describe("five steps", () => {
  const lr = 2e-3;
  it.each([
    ["maml(rate: 0.1, inner: 3 steps)", `adam(lr: ${lr})`],
    ["maml(rate: 0.1, inner: 3 steps)", "sgd(lr: 0.02, momentum: 0.9)"],
    ["anil(rate: 0.1, inner: 3 steps)", `adam(lr: ${lr})`],
    ["r2d2", `adam(lr: ${lr})`],
  ])(
    "%s by %s: weights to 1e-5, losses to 1e-4",
    async (metric, optimizer) => {
      const training = lowered(metric, optimizer, { side: 16, channels: 8 });
      const start = initialState(training, 3);
      const feeds = [1, 2, 3, 4, 5].map((seed) => feedsOf(training, seed));
      const expected = exact(training, start, feeds);
      const found = await trained(training, start, feeds);
      expected.losses.forEach((loss, i) => expect(Math.abs(loss - (found.losses[i] ?? Number.NaN))).toBeLessThan(1e-4));
      for (const path of training.trained) {
        const apart = (other: Values): number =>
          Math.max(...(expected.state[path] ?? []).map((v, i) => Math.abs(v - (other[path]?.[i] ?? Number.NaN))));
        const most = idle.includes(path) ? lr * feeds.length : 1e-5;
        expect(apart(found.state), path).toBeLessThan(most);
        // A bias before a batch norm stays where it is; all else has gone a hundred times as far as the bound.
        if (!idle.includes(path) && !path.includes("conv") && !path.endsWith("lambda"))
          expect(apart(start), path).toBeGreaterThan(100 * most);
      }
    },
    60_000,
  );
});
