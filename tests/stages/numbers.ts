/** For each built-in, numbers that change when what it computes does. */

import { estimate } from "../../src/common/statistics.js";
import { lowerBlock } from "../../src/compiler/lower/block.js";
import { Draws } from "../../src/compiler/lower/draws.js";
import { initialWeights, lowerEpisodes, lowerTraining } from "../../src/compiler/lower/index.js";
import { unrolledDriver } from "../../src/compiler/lower/loops/loop.js";
import { minimizerOf } from "../../src/compiler/lower/minimizers/by-name.js";
import type { Objective } from "../../src/compiler/lower/minimizers/minimizer.js";
import { NamedOps, type NamedTensor, taskAxis } from "../../src/compiler/lower/named-tensor.js";
import { Calls } from "../../src/compiler/lower/networks/calls.js";
import { assemble } from "../../src/compiler/lower/program.js";
import { WeightTable } from "../../src/compiler/lower/weights.js";
import {
  behaviorVersions,
  expressionVersions,
  layerVersions,
  minimizerVersions,
  optimizerVersions,
  scheduleVersions,
  transformVersions,
} from "../../src/compiler/stages/versions.js";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import type {
  Expr,
  ExprNode,
  LayerOp,
  MetaStage,
  Network,
  Optimizer,
  Schedule,
  Transform,
} from "../../src/compiler/typed/tree.js";
import { networkWeights } from "../../src/compiler/typed/weights.js";
import { applyFixed, applyStep } from "../../src/runtime/data/augment.js";
import { disjointEpisodes } from "../../src/runtime/data/disjoint-episodes.js";
import { kindOfStep, sampleEpisode, shuffledImages } from "../../src/runtime/data/sampler.js";
import { fillOrders } from "../../src/runtime/stages/classify.js";
import { imageBatches } from "../../src/runtime/stages/pretrain.js";
import {
  axis,
  convNet,
  dataset,
  expr,
  image,
  meta,
  NetworkBuilder,
  pretrain,
  prototypes,
  sgd,
} from "../lower/fixtures.js";
import { networkOf } from "../lower/fsl.js";
import { initialState, run, step, stream, type Values } from "../lower/harness.js";

export interface Built {
  readonly version: number;
  readonly numbers: () => readonly number[];
}

const task = { way: 2, shot: 1, query: 2 };
const noise = (n: number, seed: number): number[] => {
  const random = stream(seed);
  return Array.from({ length: n }, () => random() * 2 - 1);
};
const pixels = (n: number, seed: number): number[] => noise(n, seed).map((v) => Math.floor((v + 1) * 128));

// ------------------------------------------------------------ layers

const maps = (): NetworkBuilder => new NetworkBuilder(image(2, 6));
const features = (): NetworkBuilder => new NetworkBuilder([axis("feature", 5)]);
const residual = maps().conv(3, 2);
residual.nest("r", ([body = [], shortcut = []]) => ({ kind: "residual", body, shortcut }), image(2, 6), [
  residual.branch().conv(3, 2),
  residual.branch(),
]);
const parallel = maps();
parallel.nest("p", (branches) => ({ kind: "parallel", branches, along: "channel" }), image(4, 6), [
  parallel.branch(),
  parallel.branch().activation("tanh"),
]);
const activations = maps()
  .activation("relu")
  .activation("leaky_relu", 0.2)
  .activation("tanh")
  .activation("sigmoid")
  .activation("gelu")
  .activation("silu");
/** The layers as a file writes them, with their last value as `out`. */
function written(text: string, declared = ""): Network {
  const network = networkOf(`${text}, flatten`, 6, declared);
  return { ...network, outputs: { out: network.outputs.vector ?? [] } };
}
const formulas = written(
  "conv(3, 4), scaled",
  `block scaled(start = 0.5)(x: map) {
  learn gain [channel] = start positive
  fixed sign [slot: 3, channel] = signs()
  repeat 2 from y = 0 { 0.5 * y + dot(gain * x, sign over channel) }
  y
}`,
);
const layers: Record<LayerOp["kind"], Network> = {
  conv: written("conv(3, 6, stride: 2), conv(3, 4, groups: 2, dilation: 2, pad: 2)"),
  batch_norm: maps().batchNorm().build(),
  layer_norm: features().layerNorm("feature").build(),
  group_norm: written("conv(3, 4), group_norm(2), instance_norm"),
  layer_scale: written("layer_scale(0.5)"),
  linear: features().linear(3).build(),
  cosine_linear: features().cosineLinear(3, "class", 4).build(),
  activation: activations.activation("identity").build(),
  max_pool: maps().pool("max_pool", 3, 2, 1).build(),
  avg_pool: maps().pool("avg_pool", 3, 2, 1).build(),
  global_avg_pool: written("parallel { global_avg_pool } { tokens, global_avg_pool } along feature"),
  upsample: written("upsample(2), upsample(2, mode: bilinear)"),
  flatten: maps().flatten().build(),
  tokens: written("tokens"),
  class_token: written("tokens, class_token"),
  position_table: written("tokens, position_table"),
  first: written("tokens, first(token)"),
  attention: written("conv(3, 4), tokens, attention(2)"),
  dropout: maps().dropout(0.3).flatten().as("vector").build(),
  drop_block: maps().dropBlock(0.3, 2, 4).flatten().as("vector").build(),
  formula: formulas,
  residual: residual.build(),
  parallel: parallel.build(),
};

/** Outputs by batch and by running statistics; of random layers, the losses of two training steps. */
function layerNumbers(network: Network): readonly number[] {
  if (network.outputs.vector !== undefined) return trainingNumbers(meta(network, prototypes(task, 72), task, 1), 2);
  return (["batch", "running"] as const).flatMap((norm) => {
    const ops = new NamedOps(new Graph());
    const decls = networkWeights("encoder", network);
    const shape = [2, ...network.input.map((a) => a.size)];
    const x = ops.of(ops.t.input("x", shape), ["item", ...network.input.map((a) => a.name)]);
    const calls = new Calls(ops, {
      weights: new WeightTable(ops.graph, decls),
      encoder: { prefix: "encoder", network, frozen: false },
    });
    const y = calls.apply({ target: { kind: "slot", slot: "encoder" }, x, output: "out", norm });
    const values: Values = {
      x: noise(
        shape.reduce((a, b) => a * b, 1),
        3,
      ),
    };
    for (const [path, tensor] of Object.entries(initialWeights(decls, 1))) values[path] = [...tensor.data];
    return run(assemble({ name: "numbers", host: { y: y.node }, feeds: ["x"] }), values).y ?? [];
  });
}

function trainingNumbers(stage: Parameters<typeof lowerTraining>[0], channels = 1): readonly number[] {
  const training = lowerTraining(stage, dataset(channels, 6), { seed: 5 });
  const count = training.program.inputs.find((i) => i.name === "images")?.node.shape.reduce((a, b) => a * b, 1) ?? 0;
  let state = initialState(training, 5);
  const out: number[] = [];
  for (let i = 0; i < 3; i++) {
    const result = step(training, state, { images: pixels(count, i), labels: [0, 1, 1] });
    out.push(...(result.host.loss ?? []), ...(result.host.accuracy ?? []), ...(result.host.lr ?? []));
    state = result.state;
  }
  for (const path of training.weights.map((w) => w.path)) out.push((state[path] ?? []).reduce((a, b) => a + b, 0));
  return out;
}

// ------------------------------------------------------------ expressions

const e = (node: ExprNode): Expr => expr(node, []);
const a = e({ k: "param", name: "a" });
const b = e({ k: "param", name: "b" });
const number = (value: number): Expr => e({ k: "number", value });
const [i, j] = [axis("i", 3), axis("j", 3)];
const prime = (x: Expr): Expr => e({ k: "rename", x, renames: [{ from: "j", to: "j'" }] });
const labels = expr({ k: "index", axis: i }, [i], "class", j);
/** Weighted by where each number stands, so that a permuted result is another. */
const expressions: Record<ExprNode["k"], Expr | undefined> = {
  number: number(0.1),
  param: a,
  learn: e({ k: "learn", name: "t" }),
  fit: undefined, // Not lowered yet.
  local: e({ k: "local", local: 0 }),
  unary: (["neg", "exp", "tanh", "abs", "floor", "relu", "sigmoid"] as const).reduce<Expr>(
    (x, op) => e({ k: "binary", op: "add", a: x, b: e({ k: "unary", op, x: a }) }),
    e({ k: "unary", op: "log", x: e({ k: "unary", op: "sqrt", x: e({ k: "unary", op: "exp", x: b }) }) }),
  ),
  binary: (["add", "sub", "mul", "div", "max", "min"] as const).reduce<Expr>(
    (x, op) => e({ k: "binary", op: "add", a: x, b: e({ k: "binary", op, a, b }) }),
    e({ k: "binary", op: "pow", a, b: number(2) }),
  ),
  compare: e({ k: "compare", op: "lt", a, b }),
  select: e({ k: "select", condition: e({ k: "compare", op: "ge", a, b }), a, b: number(7) }),
  reduce: (["sum", "mean", "max", "min"] as const).reduce<Expr>(
    (x, op) => e({ k: "binary", op: "add", a: x, b: e({ k: "reduce", op, x: a, over: ["j"] }) }),
    number(0),
  ),
  argmax: e({ k: "argmax", x: a, over: "j" }),
  slope: e({ k: "slope", f: e({ k: "binary", op: "mul", a: e({ k: "binary", op: "mul", a, b: a }), b }), x: a }),
  sum_by: e({ k: "sum_by", x: a, y: labels, over: ["i"], axis: axis("k", 4) }),
  dot: e({ k: "dot", a, b: e({ k: "rename", x: b, renames: [{ from: "i", to: "k" }] }), over: ["j"] }),
  rename: prime(a),
  merge: e({ k: "merge", x: a, axes: ["j", "i"], as: "m" }),
  split: e({
    k: "split",
    x: e({ k: "merge", x: a, axes: ["i", "j"], as: "m" }),
    axis: "m",
    as: [axis("p", 9), axis("q", 1)],
  }),
  concat: e({ k: "concat", parts: [a, b], along: "i" }),
  top: e({ k: "top", count: 2, x: a, over: "j", as: "best" }),
  index: labels,
  merged_index: e({ k: "merged_index", merged: [i, axis("w", 2)], as: "m", axis: "i" }),
  one_hot: e({ k: "one_hot", x: labels, axis: j }),
  eye: e({ k: "eye", a: i, b: axis("i'", 3) }),
  fill: expr({ k: "fill", value: 2 }, [i]),
  solve: e({
    k: "solve",
    a: e({
      k: "binary",
      op: "add",
      a: e({ k: "dot", a, b: prime(a), over: ["i"] }),
      b: e({ k: "eye", a: j, b: axis("j'", 3) }),
    }),
    b: e({ k: "rename", x: b, renames: [{ from: "i", to: "k" }] }),
    over: "j",
  }),
  softmax: e({ k: "softmax", x: a, over: ["i", "j"] }),
  log_softmax: e({ k: "log_softmax", x: a, over: ["j"] }),
  normalize: e({ k: "normalize", x: a, over: ["j"] }),
  logsumexp: e({ k: "logsumexp", x: a, over: ["j"] }),
  squared_distance: e({
    k: "squared_distance",
    a,
    b: e({ k: "rename", x: b, renames: [{ from: "i", to: "k" }] }),
    over: ["j"],
  }),
  cross_entropy: e({
    k: "binary",
    op: "add",
    a: e({ k: "cross_entropy", z: a, y: labels, from: "logits" }),
    b: e({ k: "cross_entropy", z: e({ k: "softmax", x: b, over: ["j"] }), y: labels, from: "probabilities" }),
  }),
  dropout: undefined, // As the layer.
  draw: e({
    k: "binary",
    op: "add",
    a: e({
      k: "binary",
      op: "mul",
      a: expr({ k: "draw", law: { kind: "uniform" } }, [i]),
      b: expr({ k: "draw", law: { kind: "normal" } }, []),
    }),
    b: e({
      k: "binary",
      op: "add",
      a: expr({ k: "draw", law: { kind: "beta", a: 0.2, b: 2 } }, []),
      b: expr({ k: "draw", law: { kind: "permutation" } }, [i]),
    }),
  }),
  slice: e({ k: "slice", x: a, over: "j", start: 1, count: 2, as: "k" }),
  pick: e({
    k: "binary",
    op: "add",
    a: e({ k: "pick", x: a, at: labels, over: "j" }),
    b: e({ k: "pick", x: a, at: expr({ k: "number", value: 1 }, [], "int"), over: "j" }),
  }),
  blend: e({ k: "blend", a, b, w: expr({ k: "param", name: "t" }, []) }),
  nearest: e({ k: "nearest", x: e({ k: "binary", op: "mul", a, b: number(3) }), size: 2 }),
  rotations: e({ k: "rotations", x: e({ k: "param", name: "image" }), as: "turn" }),
  apply: undefined, // As the stages that call.
  weights: undefined, // As they are.
  entry_loss: undefined, // As `meta`.
};

function expressionNumbers(value: Expr | undefined): readonly number[] {
  if (value === undefined) return [];
  const ops = new NamedOps(new Graph());
  const inputs: Record<string, readonly [readonly number[], readonly string[]]> = {
    a: [
      [3, 3],
      ["i", "j"],
    ],
    b: [
      [3, 3],
      ["i", "j"],
    ],
    image: [
      [1, 2, 2],
      ["channel", "height", "width"],
    ],
    t: [[], []],
  };
  const param = (name: string) => {
    const [shape, axes] = inputs[name] ?? [[], []];
    return ops.of(ops.t.input(name, shape), axes);
  };
  const nothing = (): never => {
    throw new Error("not here");
  };
  const draws = new Draws(ops, {
    seed: 3,
    counter: ops.of(ops.t.constant([], [5], "u32"), []),
    step: ops.scalar(5),
    path: "loss",
  });
  const bound = { statements: [{ kind: "let" as const, local: 0, value: b }], result: value };
  const y = lowerBlock(ops, bound, { param, learn: param, apply: nothing, entryLoss: nothing, draws });
  const values: Values = { a: noise(9, 1), b: noise(9, 2), image: noise(4, 3), t: [0.5] };
  return run(assemble({ name: "numbers", host: { y: y.node }, feeds: [] }), values).y ?? [];
}

/** Settings of each method. */
const minimizers: Record<keyof typeof minimizerVersions, Readonly<Record<string, number>>> = {
  sgd: { lr: 0.1, momentum: 0.9, weight_decay: 0.01 },
  adam: { lr: 0.1 },
  lbfgs: { history: 3 },
};
/** Six rounds on a bent valley. */
function minimizerNumbers(settings: Readonly<Record<string, number>>): readonly number[] {
  const ops = new NamedOps(new Graph());
  const target = ops.constant([1, -0.5, 0.3], [{ name: "a", size: 3 }]);
  const method = (Object.keys(minimizers) as (keyof typeof minimizers)[]).find((key) => minimizers[key] === settings);
  const minimizer = minimizerOf(ops, method ?? "sgd", (name) => {
    const value = settings[name];
    return value === undefined ? undefined : [ops.scalar(value)];
  });
  const lossAt = (x: NamedTensor): NamedTensor => {
    const square = ops.mul(x, x);
    return ops.sum(ops.add(ops.mul(square, square), ops.mul(x, ops.unary("exp", x))), ["a"]);
  };
  const objective: Objective = ([x = target]) => {
    const loss = lossAt(x);
    return { loss, gradients: gradient(ops.graph, loss.node, [x.node]).map((node) => ops.of(node, x.axes)) };
  };
  const [found = target] = unrolledDriver(ops)({
    bound: 6,
    start: [target, ...minimizer.initialState([target])],
    round: ([x = target, ...state], index) => {
      const next = minimizer.step({ targets: [x], state, objective, index });
      return { carried: [...next.targets, ...next.state], done: next.done };
    },
  });
  return run(assemble({ name: "numbers", host: { y: found.node }, feeds: [] }), {}).y ?? [];
}

// ------------------------------------------------------------ training and data

const small = convNet(image(1, 6), [2]);
const head = new NetworkBuilder([axis("feature", 18)]).linear(2, "class").build();
const trained = (changes: Partial<MetaStage>): readonly number[] =>
  trainingNumbers(meta(small, prototypes(task, 18), task, 2, changes));
const optimizers: Record<Optimizer["kind"], Optimizer> = {
  sgd: sgd({ momentum: 0.9, nesterov: true, weightDecay: 0.01, clip: 1 }),
  adam: sgd({ kind: "adam", lr: 0.01, weightDecay: 0.01 }),
  adamw: sgd({ kind: "adamw", lr: 0.01, weightDecay: 0.1 }),
};
const schedules: Record<Schedule["kind"], Schedule> = {
  constant: { kind: "constant", warmup: 2 },
  multistep: { kind: "multistep", at: [1], factor: 0.1, warmup: 0 },
  cosine: { kind: "cosine", over: 4, to: 0.1, warmup: 0 },
};
const transforms: Record<Transform["op"], Transform> = {
  resize: { op: "resize", size: 5 },
  center_crop: { op: "center_crop", size: 5 },
  random_crop: { op: "random_crop", size: 6, pad: 1 },
  random_resized_crop: { op: "random_resized_crop", size: 5, scale: [0.3, 1], ratio: [0.75, 1.33] },
  flip: { op: "flip", p: 0.5 },
  rotate: { op: "rotate", degrees: 30 },
  color_jitter: { op: "color_jitter", brightness: 0.4, contrast: 0.4, saturation: 0.4 },
  noise: { op: "noise", std: 0.1 },
  compress: { op: "compress", quality: [20, 60], p: 1 },
  erase: { op: "erase", p: 1, scale: [0.1, 0.4], ratio: [0.5, 2] },
  blur: { op: "blur", sigma: [0.5, 1.5], p: 1 },
  posterize: { op: "posterize", bits: 3, p: 1 },
  solarize: { op: "solarize", threshold: 100, p: 1 },
  rand_augment: { op: "rand_augment", count: 9, strength: 20 },
  foreground: { op: "foreground" },
  trim: { op: "trim", bottom: 2 },
  box: { op: "box", pad: 0.5 },
  grayscale: { op: "grayscale" },
  invert: { op: "invert" },
  normalize: { op: "normalize", mean: [0.5], std: [0.5] },
};
function transformNumbers(transform: Transform): readonly number[] {
  if (transform.op === "normalize") {
    const data = dataset(1, 6, { train: [transform] });
    const training = lowerTraining(meta(small, prototypes(task, 18), task, 1), data, { seed: 0 });
    return step(training, initialState(training, 1), { images: pixels(6 * 36, 4) }).host.loss ?? [];
  }
  const source = { channels: 3, height: 8, width: 7, data: Uint8Array.from(pixels(168, 6)) };
  if (transform.op === "box") return [...applyFixed(transform, source, { left: 2, top: 3, width: 3, height: 2 }).data];
  return [1, 2].flatMap((key) => [...applyStep(transform, source, [key, 0], 0).data]);
}

const split = { split: "train", classes: ["a", "b", "c", "d"], offsets: Int32Array.of(0, 5, 9, 20, 26) } as const;
const episode = (index: number): readonly number[] => {
  const { classes, support, query } = sampleEpisode(
    3,
    "train",
    { ...split, digest: "", imageDigest: "", sourceOf: () => "" },
    task,
    index,
  );
  return [...classes, ...support, ...query];
};
function evaluateNumbers(): readonly number[] {
  const m = prototypes(task, 18);
  const program = lowerEpisodes(m, task, small, dataset(1, 6), { episodes: 2, report: [{ kind: "top", k: 1 }] });
  const values: Values = { images: pixels(2 * 6 * 36, 1) };
  for (const [path, tensor] of Object.entries(initialWeights(networkWeights("encoder", small), 1)))
    values[path] = [...tensor.data];
  return Object.values(run(program, values)).flat();
}
const behavior: Record<keyof typeof behaviorVersions, () => readonly number[]> = {
  pretrain: () => trainingNumbers(pretrain(small, head, 2, 3)),
  meta: () => trained({}),
  evaluate: evaluateNumbers,
  initial_weights: () => Object.values(initialWeights(networkWeights("encoder", small), 9)).flatMap((t) => [...t.data]),
  episode_sampler: () => [0, 1, 7].flatMap(episode),
  query_order: () => {
    const data = new Int32Array(18);
    fillOrders({ order: { shape: [3, 6], dtype: "i32", data } }, 3, 5, 3);
    return [...data];
  },
  step_kinds: () => Array.from({ length: 12 }, (_, step) => kindOfStep(3, step, 5)),
  test_draws: () => {
    const ops = new NamedOps(new Graph());
    const counter = ops.of(ops.t.constant([3], [0, 1, 70], "u32"), [taskAxis]);
    const draws = new Draws(ops, { seed: 3, counter, step: undefined, path: "test" });
    const y = draws.child("metric.classify").sample("uniform.0", { kind: "uniform" }, [axis("i", 4)]);
    const later = draws.inRound(ops.scalar(2, "i32")).sample("uniform.0", { kind: "uniform" }, [axis("i", 4)]);
    const host = { y: y.node, later: later.node };
    return Object.values(run(assemble({ name: "numbers", host, feeds: [] }), {})).flat();
  },
  disjoint_sampler: () => {
    const split = { split: "test" as const, classes: ["a", "b", "c"], offsets: Int32Array.of(0, 7, 13, 20) };
    const drawn = disjointEpisodes(3, split, { way: 2, shot: 1, query: 2 });
    return drawn.flatMap(({ classes, support, query }) => [...classes, ...support, ...query]);
  },
  short_passes: () => {
    const split = { split: "train" as const, offsets: Int32Array.of(0, 4, 9) };
    const batches = imageBatches(split, { epochs: 2, stepsPerEpoch: 3, perStep: 4 }, 7);
    return [1, 2, 3, 4, 5].flatMap((step) => [...batches.images(step)]);
  },
  image_order: () => [...shuffledImages(4, "train", 9, 2)],
  interval: () => Object.values(estimate([0.5, 0.75, 0.8, 1])),
};

const entries = <K extends string, T>(
  prefix: string,
  versions: Readonly<Record<K, number>>,
  given: Readonly<Record<K, T>>,
  numbers: (value: T) => readonly number[],
): [string, Built][] =>
  (Object.keys(versions) as K[]).map((key) => [
    `${prefix}${key}`,
    { version: versions[key], numbers: () => numbers(given[key]) },
  ]);

export const builtIns: ReadonlyMap<string, Built> = new Map([
  ...entries("layer.", layerVersions, layers, layerNumbers),
  ...entries("expr.", expressionVersions, expressions, expressionNumbers),
  ...entries("optimizer.", optimizerVersions, optimizers, (optimizer) => trained({ optimizer })),
  ...entries("minimize.", minimizerVersions, minimizers, minimizerNumbers),
  ...entries("schedule.", scheduleVersions, schedules, (schedule) => trained({ schedule })),
  ...entries("transform.", transformVersions, transforms, transformNumbers),
  ...entries("", behaviorVersions, behavior, (numbers) => numbers()),
]);
