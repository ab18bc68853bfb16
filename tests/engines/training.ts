/** Makes training programs of small learners from text, and runs their steps on an engine and in the f64 interpreter. */
import { lowerTraining, type TrainingProgram } from "../../src/compiler/lower/index.js";
import type { Engine, Handle, HostTensor } from "../../src/runtime/engines/engine.js";
import { experimentOf } from "../lower/fsl.js";
import { step, stream, type Values } from "../lower/harness.js";
import { typed } from "./support.js";

export interface Learner {
  /** An expression that uses it, and the library module that exports it. */
  readonly metric: string;
  readonly from: string;
  readonly optimizer: string;
  /** The layers of the backbone. */
  readonly backbone: string;
  readonly side: number;
  /** The episode; by default 3-way 2-shot with 2 queries per class. */
  readonly task?: string;
}

/** Returns the text of a meta stage with two episodes per step. */
export function lowered(learner: Learner): TrainingProgram {
  const { metric, from, optimizer, backbone, side, task = "3 way, 2 shot, 2 query" } = learner;
  const experiment = experimentOf(`fsl 1
import { ${metric.replace(/\(.*/, "")} } from "fsl:${from}"
import { folder } from "fsl:datasets"
dataset d = folder(root: "d") {
  train random_resized_crop(${side}), normalize(mean: [0.5], std: [0.25])
  eval  resize(${side + 2}), center_crop(${side}), normalize(mean: [0.5], std: [0.25])
}
backbone small { ${backbone} }
episode task = ${task}
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
  if (stage?.kind !== "meta" || dataset === undefined) throw new Error("no meta stage");
  return lowerTraining(stage, dataset, { seed: 0 });
}

/** Returns random images, with the queries in reverse order. */
export function feedsOf({ program }: TrainingProgram, seed: number): Values {
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

export interface Course {
  /** The loss of each step. */
  readonly losses: readonly number[];
  /** Weights, statistics and optimizer states, after the last step and before each step. */
  readonly state: Values;
  readonly before: readonly Values[];
}

/** Runs steps on the engine. The state is not downloaded before the end. `onStep` is called after each step. */
export async function trained(
  engine: Engine,
  { program }: TrainingProgram,
  start: Values,
  feeds: readonly Values[],
  onStep: () => void = () => undefined,
): Promise<Omit<Course, "before">> {
  const executable = await engine.compile(program);
  const tensor = (name: string, values: Values): HostTensor => {
    const node = program.inputs.find((input) => input.name === name)?.node;
    if (node === undefined) throw new Error(`no input ${name}`);
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
    onStep();
  }
  const state: Values = {};
  for (const [name, handle] of Object.entries(handles)) {
    state[name] = [...(await engine.download(handle)).data];
    engine.free(handle);
  }
  await executable.dispose();
  return { losses, state };
}

/** Runs the same steps in the f64 interpreter. */
export function exact(training: TrainingProgram, start: Values, feeds: readonly Values[]): Course {
  const losses: number[] = [];
  const before: Values[] = [];
  let state = start;
  for (const given of feeds) {
    before.push(state);
    const after = step(training, state, given);
    losses.push(after.host["loss"]?.[0] ?? Number.NaN);
    state = after.state;
  }
  return { losses, state, before };
}

/** Returns the largest distance between two values of the same weight. */
export const apart = (a: readonly number[] = [], b: readonly number[] = []): number =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN))));

/** A backbone of two blocks of convolution, norm, ReLU and pool. */
export const plain = (channels: number): string =>
  `repeat 2 { conv(3, ${channels}), batch_norm, relu, max_pool(2) } flatten as vector`;
