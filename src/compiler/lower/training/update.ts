/** The update after the gradient of a step: clipping, the optimizer, running statistics and the average of the weights. */
import type { DType, Node } from "../../tensor/ir.js";
import type { Optimizer, TrainingStage } from "../../typed/tree.js";
import type { WeightDecl } from "../../typed/weights.js";
import type { NamedOps } from "../named-tensor.js";
import type { RunningStatistic } from "../networks/batch-statistics.js";
import type { StatePair } from "../program.js";
import type { WeightTable } from "../weights.js";
import { lowerLearningRateSchedule } from "./learning-rate.js";
import { OptimizerLowering, oneMinusPower } from "./optimizer.js";

/** A state that is no weight, such as those of the optimizer, averages, sums and `step`. It is filled with `fill` before the first step. */
export interface ExtraState {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly fill: number;
}

/** The gradient of a step. */
export interface StepGradient {
  /** The weights that the optimizer moves, and the gradient of each. */
  readonly trained: readonly WeightDecl[];
  readonly gradients: readonly Node[];
  readonly statistics: readonly RunningStatistic[];
}

export interface LoweredUpdate {
  readonly states: readonly StatePair[];
  readonly extra: readonly ExtraState[];
  /** The paths of the weights whose average is kept in the state `ema:<path>`. */
  readonly averaged: readonly string[];
  /** The squared norm of the whole gradient, before clipping. */
  readonly square: Node;
  readonly lr: Node;
}

export interface UpdatedStage {
  readonly stage: TrainingStage;
  readonly weights: WeightTable;
  /** The number of finished steps: an i32 scalar that the update increments. */
  readonly step: Node;
}

/** Returns the name of the output that holds the gradient of a weight. */
export const gradientName = (path: string): string => `gradient:${path}`;

/** Returns the gradients as outputs that stay on the device if the stage reports them, and otherwise none. */
export function reportedGradients(
  { report = [] }: TrainingStage,
  { trained, gradients }: Pick<StepGradient, "trained" | "gradients">,
): Readonly<Record<string, Node>> {
  if (!report.some(({ kind }) => kind === "gradients")) return {};
  return Object.fromEntries(
    trained.flatMap(({ path }, i) => {
      const gradient = gradients[i];
      return gradient === undefined ? [] : [[gradientName(path), gradient]];
    }),
  );
}

/** Lowers the update. Its nodes belong to the line of the optimizer. */
export function lowerUpdate(ops: NamedOps, updated: UpdatedStage, gradient: StepGradient): LoweredUpdate {
  return ops.graph.at(updated.stage.optimizer.span, () => updateOf(ops, updated, gradient));
}

/** The steps in which some weights move. */
interface Rhythm {
  /** It counts the steps in which these weights move. */
  readonly lowering: OptimizerLowering;
  /** A truth value: whether this step is one of them. Undefined if every step is. */
  readonly due: Node | undefined;
}

function rhythm(ops: NamedOps, optimizer: Optimizer, step: Node, every: number): Rhythm {
  const { t } = ops;
  if (every === 1) return { lowering: new OptimizerLowering(ops, optimizer, step), due: undefined };
  const number = t.cast(t.add(step, 1), "f32");
  // A half keeps the rounding of the quotient away from whole numbers.
  const whole = t.graph.op("floor", [t.div(t.add(number, 0.5), every)], {});
  const due = t.graph.op("compare", [t.mul(whole, every), number], { cmp: "eq" });
  const before = t.cast(t.graph.op("max", [t.sub(whole, 1), t.scalar(0)], {}), "i32");
  return { lowering: new OptimizerLowering(ops, optimizer, before), due };
}

function updateOf(
  ops: NamedOps,
  { stage, weights, step }: UpdatedStage,
  { trained, gradients, statistics }: StepGradient,
): LoweredUpdate {
  const { t } = ops;
  const { optimizer } = stage;
  const square = gradients.map((g) => t.sum(t.square(g))).reduce<Node>((a, b) => t.add(a, b), t.scalar(0));
  const clipped = clip(ops, gradients, square, optimizer.clip);
  const factor = lowerLearningRateSchedule(ops, stage.schedule, step);
  const rhythms = new Map<number, Rhythm>();
  const rhythmOf = (every: number): Rhythm => {
    const known = rhythms.get(every) ?? rhythm(ops, optimizer, step, every);
    rhythms.set(every, known);
    return known;
  };
  const states: StatePair[] = [];
  const extra: ExtraState[] = [{ name: "step", shape: [], dtype: "i32", fill: 0 }];
  const moved: { readonly path: string; readonly after: Node }[] = [];
  trained.forEach(({ path }, i) => {
    const weight = weights.node(path);
    const override = optimizer.overrides[path];
    const { lowering, due } = rhythmOf(override?.every ?? 1);
    const kept = (before: Node, after: Node): Node =>
      due === undefined ? after : ops.t.graph.op("select", [t.splat(due, after.shape), after, before], {});
    const update = lowering.update({
      path,
      weight,
      gradient: clipped[i] ?? t.zerosLike(weight),
      factor: factor.node,
      lr: override?.lr ?? optimizer.lr,
      weightDecay: override?.weightDecay ?? optimizer.weightDecay,
    });
    const after = kept(weight, update.weight);
    states.push({ before: weight, after });
    for (const state of update.states) states.push({ ...state, after: kept(state.before, state.after) });
    moved.push({ path, after });
    for (const { name, before } of update.states) extra.push({ name, shape: before.shape, dtype: "f32", fill: 0 });
  });
  for (const { path, value, momentum } of statistics) {
    const before = weights.node(path);
    const after = ops.add(ops.scale(ops.of(before, value.axes), 1 - momentum), ops.scale(value, momentum)).node;
    states.push({ before, after });
    moved.push({ path, after });
  }
  if (stage.ema !== undefined) {
    const share = t.div(t.scalar(1 - stage.ema), oneMinusPower(ops, stage.ema, step));
    for (const { path, after } of moved) {
      const before = t.input(`ema:${path}`, after.shape);
      states.push({ before, after: t.add(before, t.mul(t.splat(share, after.shape), t.sub(after, before))) });
      extra.push({ name: `ema:${path}`, shape: after.shape, dtype: "f32", fill: 0 });
    }
  }
  states.push({ before: step, after: t.add(step, 1) });
  const averaged = stage.ema === undefined ? [] : moved.map(({ path }) => path);
  return { states, extra, averaged, square, lr: t.mul(factor.node, optimizer.lr) };
}

/** Scales gradients so that their global norm is at most `limit`, as clip_grad_norm_ of PyTorch does. */
function clip(ops: NamedOps, gradients: readonly Node[], square: Node, limit: number | undefined): readonly Node[] {
  if (limit === undefined) return gradients;
  const { t } = ops;
  const scale = t.min(t.div(t.scalar(limit), t.add(t.sqrt(square), 1e-6)), 1);
  return gradients.map((g) => t.mul(g, t.splat(scale, g.shape)));
}
