/**
 * The version of each built-in's numbers. A stage's key holds the versions of the built-ins it uses, so raising one
 * re-runs exactly the stages that it changes. `tests/stages/semantics.test.ts` fails where numbers move without it.
 */

import { loopsIn } from "../typed/loops.js";
import type {
  Block,
  Experiment,
  ExprNode,
  LayerOp,
  Metric,
  Network,
  Optimizer,
  Schedule,
  Slot,
  Stage,
  Statement,
  Transform,
} from "../typed/tree.js";
import { walkExprs, walkLayers } from "../typed/walk.js";
import { stageTransforms } from "./canonical.js";

type Versions<K extends string> = Readonly<Record<K, number>>;

type Minimize = Extract<Statement, { kind: "minimize" }>;

export const layerVersions: Versions<LayerOp["kind"]> = {
  conv: 1,
  batch_norm: 1,
  layer_norm: 1,
  linear: 1,
  cosine_linear: 1,
  activation: 1,
  max_pool: 1,
  avg_pool: 1,
  global_avg_pool: 1,
  flatten: 1,
  dropout: 1,
  drop_block: 1,
  residual: 1,
  parallel: 1,
};

export const expressionVersions: Versions<ExprNode["k"]> = {
  number: 1,
  param: 1,
  learn: 1,
  fit: 1,
  local: 1,
  unary: 2,
  binary: 1,
  compare: 1,
  select: 1,
  reduce: 1,
  argmax: 1,
  dot: 1,
  rename: 1,
  merge: 1,
  split: 1,
  concat: 1,
  top: 1,
  index: 1,
  merged_index: 1,
  one_hot: 1,
  eye: 1,
  fill: 1,
  solve: 1,
  softmax: 1,
  log_softmax: 1,
  normalize: 1,
  logsumexp: 1,
  squared_distance: 1,
  cross_entropy: 1,
  dropout: 1,
  draw: 1,
  pick: 1,
  blend: 1,
  rotations: 1,
  apply: 2,
  weights: 1,
  entry_loss: 2,
};

export const optimizerVersions: Versions<Optimizer["kind"]> = { sgd: 1, adam: 1, adamw: 1 };
export const minimizerVersions: Versions<Minimize["by"]["method"]> = { sgd: 1, adam: 1, lbfgs: 1 };
export const scheduleVersions: Versions<Schedule["kind"]> = { constant: 1, multistep: 1, cosine: 2 };
export const transformVersions: Versions<Transform["op"]> = {
  resize: 1,
  center_crop: 1,
  random_crop: 3,
  random_resized_crop: 2,
  flip: 2,
  rotate: 2,
  color_jitter: 2,
  noise: 2,
  grayscale: 1,
  invert: 1,
  normalize: 1,
};
/**
 * The stages' own conduct (what a step averages, how a classification is scored) and the host's draws. `short_passes`:
 * which images a step has where some were skipped as unreadable, so that a pass over the rest ends within an epoch.
 */
export const conductVersions: Versions<
  | Stage["kind"]
  | "initial_weights"
  | "episode_sampler"
  | "disjoint_sampler"
  | "image_order"
  | "short_passes"
  | "query_order"
  | "interval"
> = {
  pretrain: 1,
  meta: 1,
  evaluate: 2,
  initial_weights: 1,
  episode_sampler: 1,
  disjoint_sampler: 1,
  image_order: 1,
  short_passes: 1,
  query_order: 1,
  interval: 1,
};

/** The versions of every built-in that a stage's numbers rest on, by `kind.name`, sorted. */
export function semanticsOf(stage: Stage, experiment: Experiment): Readonly<Record<string, number>> {
  const used = new Map<string, number>();
  const network = (n: Network): void =>
    walkLayers(n.layers, ({ op }) => used.set(`layer.${op.kind}`, layerVersions[op.kind]));
  const block = (b: Block): void => {
    walkExprs(b, (e) => used.set(`expr.${e.k}`, expressionVersions[e.k]));
    for (const loop of loopsIn(b))
      if (loop.kind === "minimize") used.set(`minimize.${loop.by.method}`, minimizerVersions[loop.by.method]);
  };
  const metric = (m: Metric): void => {
    for (const learn of m.learns) if (learn.kind === "module") network(learn.network);
    for (const fit of m.fits) block(fit.body);
    for (const entry of Object.values(m.entries)) {
      block(entry.body);
      if (entry.transductive) used.set("query_order", conductVersions.query_order);
    }
  };
  for (const t of stageTransforms(stage, experiment)) used.set(`transform.${t.op}`, transformVersions[t.op]);
  used.set(`stage.${stage.kind}`, conductVersions[stage.kind]);
  network(stage.encoder.value);
  if (stage.kind === "pretrain") {
    network(stage.head.value);
    for (const learn of stage.learns) if (learn.kind === "module") network(learn.network);
    used.set("image_order", conductVersions.image_order);
    if (experiment.datasets[stage.data.dataset]?.unreadable === "skip")
      used.set("short_passes", conductVersions.short_passes);
  } else {
    metric(stage.metric.value);
    used.set("episode_sampler", conductVersions.episode_sampler);
  }
  if (stage.kind === "evaluate") {
    for (const row of stage.rows) metric(row.metric);
    used.set("interval", conductVersions.interval);
    if (stage.report.some(({ kind }) => kind === "accuracy_disjoint"))
      used.set("disjoint_sampler", conductVersions.disjoint_sampler);
    const { encoder } = stage;
    if (
      (isFresh(encoder) && encoder.value.weights.length > 0) ||
      (isFresh(stage.metric) && stage.metric.value.learns.length > 0)
    )
      used.set("initial_weights", conductVersions.initial_weights);
  } else {
    block(stage.loss);
    used.set(`optimizer.${stage.optimizer.kind}`, optimizerVersions[stage.optimizer.kind]);
    used.set(`schedule.${stage.schedule.kind}`, scheduleVersions[stage.schedule.kind]);
    used.set("initial_weights", conductVersions.initial_weights);
    if (stage.validate !== undefined) {
      metric(stage.validate.metric);
      used.set("stage.evaluate", conductVersions.evaluate);
      used.set("episode_sampler", conductVersions.episode_sampler);
    }
  }
  return Object.fromEntries([...used].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Whether a slot's weights are drawn: neither a stage's nor a file's. */
function isFresh({ from, file }: Slot<unknown>): boolean {
  return from === undefined && file === undefined;
}
