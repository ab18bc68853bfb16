/**
 * Gradient accumulation: a step in parts. One program adds the gradient of a part to sums, and another updates the weights
 * from the sums. So the activations take the memory of one part, in whatever order an engine runs a program.
 */
import { Graph } from "../../tensor/graph.js";
import type { Node, Program } from "../../tensor/ir.js";
import type { TrainingStage } from "../../typed/tree.js";
import type { WeightDecl } from "../../typed/weights.js";
import { maxFloat, NamedOps, type NamedTensor } from "../named-tensor.js";
import { assemble, type StatePair } from "../program.js";
import { WeightTable } from "../weights.js";
import { stageFeeds } from "./stage-feeds.js";
import { type ExtraState, type LoweredUpdate, lowerUpdate, reportedGradients, type StepGradient } from "./update.js";

/** The parts of a step. */
export interface StepParts {
  readonly count: number;
  /** The program that runs for each part, before the update. Its feeds are `images` and `labels` of the part, its host outputs `loss` and `accuracy`. */
  readonly program: Program;
}

/** The loss and gradient of a part, and its number in the step (i32 scalar, a state). */
export interface PartGradient extends StepGradient {
  readonly loss: Node;
  readonly accuracy: Node;
  readonly part: Node;
}

export interface AccumulationRequest {
  readonly stage: TrainingStage;
  readonly decls: readonly WeightDecl[];
  /** The number of parts in a step. */
  readonly count: number;
}

export interface LoweredAccumulation {
  readonly parts: StepParts;
  /** The update, with the host outputs `finite` and `lr`. */
  readonly program: Program;
  readonly update: LoweredUpdate;
  readonly extra: readonly ExtraState[];
}

/** Returns the programs of a step in parts. */
export function lowerAccumulation(
  ops: NamedOps,
  { stage, decls, count }: AccumulationRequest,
  forward: PartGradient,
): LoweredAccumulation {
  const { t } = ops;
  const { trained, gradients, statistics } = forward;
  const states: StatePair[] = [{ before: forward.part, after: t.add(forward.part, 1) }];
  const extra: ExtraState[] = [{ name: "part", shape: [], dtype: "i32", fill: 0 }];
  const sum = (path: string, value: Node): void => {
    const before = t.input(`sum:${path}`, value.shape);
    states.push({ before, after: t.add(before, t.mul(value, 1 / count)) });
    extra.push({ name: `sum:${path}`, shape: value.shape, dtype: "f32", fill: 0 });
  };
  trained.forEach(({ path }, i) => {
    const gradient = gradients[i];
    if (gradient !== undefined) sum(path, gradient);
  });
  for (const { path, value } of statistics) sum(path, value.node);
  const program = assemble({
    name: `${stage.id} part`,
    host: { loss: forward.loss, accuracy: forward.accuracy },
    states,
    feeds: ["images", "labels", ...stageFeeds(stage)],
  });
  return { parts: { count, program }, extra, ...lowerAccumulatedUpdate(stage, decls, forward) };
}

/** Returns the update from the sums. It sets the sums to 0 again. */
function lowerAccumulatedUpdate(
  stage: TrainingStage,
  decls: readonly WeightDecl[],
  { trained, statistics }: StepGradient,
) {
  const ops = new NamedOps(new Graph());
  const { t } = ops;
  const sums: StatePair[] = [];
  const summed = (path: string, shape: readonly number[]): Node => {
    const before = t.input(`sum:${path}`, shape);
    sums.push({ before, after: t.zerosLike(before) });
    return before;
  };
  const step = t.input("step", [], "i32");
  const part = t.input("part", [], "i32");
  const weights = new WeightTable(ops.graph, decls);
  const gradients = trained.map(({ path, shape }) => summed(path, shape));
  const update = lowerUpdate(
    ops,
    { stage, weights, step },
    {
      trained,
      gradients,
      statistics: statistics.map((statistic) => {
        const value: NamedTensor = ops.of(summed(statistic.path, statistic.value.node.shape), statistic.value.axes);
        return { ...statistic, value };
      }),
    },
  );
  const program = assemble({
    name: `${stage.id} update`,
    host: { finite: t.le(update.square, maxFloat), lr: update.lr },
    states: [...update.states, ...sums, { before: part, after: t.constant([], [0], "i32") }],
    device: reportedGradients(stage, { trained, gradients }),
    feeds: [],
  });
  return { program, update };
}
