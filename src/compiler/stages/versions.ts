/**
 * The version of each built-in's numbers. A stage's key holds the versions of the built-ins that it uses, so raising
 * one version runs exactly the stages anew that it changes. `tests/stages/semantics.test.ts` fails if numbers move
 * while their version stays.
 */
import type { ExprNode, LayerOp, Optimizer, Schedule, StageKind, Statement, Transform } from "../typed/tree.js";

type Versions<K extends string> = Readonly<Record<K, number>>;

type Minimize = Extract<Statement, { kind: "minimize" }>;

export const layerVersions: Versions<LayerOp["kind"]> = {
  conv: 3,
  batch_norm: 2,
  layer_norm: 1,
  group_norm: 1,
  layer_scale: 1,
  linear: 1,
  cosine_linear: 1,
  activation: 2,
  max_pool: 1,
  avg_pool: 1,
  global_avg_pool: 2,
  upsample: 1,
  flatten: 1,
  tokens: 1,
  class_token: 1,
  position_table: 1,
  first: 1,
  attention: 1,
  dropout: 1,
  drop_block: 1,
  formula: 1,
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
  reduce: 2,
  argmax: 1,
  slope: 1,
  sum_by: 1,
  dot: 2,
  rename: 1,
  merge: 1,
  split: 1,
  concat: 1,
  top: 1,
  slice: 1,
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
  nearest: 1,
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
  compress: 1,
  erase: 1,
  blur: 1,
  posterize: 1,
  solarize: 1,
  rand_augment: 1,
  foreground: 1,
  trim: 1,
  box: 1,
  grayscale: 1,
  invert: 1,
  normalize: 1,
};
/**
 * The behavior of each kind of stage (what a step averages, how a classification is scored) and the host's draws.
 * `short_passes` is the choice of a step's images where some were skipped as unreadable: a pass over the rest then ends
 * within an epoch.
 */
export const behaviorVersions: Versions<
  | StageKind
  | "initial_weights"
  | "episode_sampler"
  | "disjoint_sampler"
  | "image_order"
  | "short_passes"
  | "query_order"
  | "step_kinds"
  | "test_draws"
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
  step_kinds: 1,
  test_draws: 1,
  interval: 1,
};
