/** The input and the result of the elaboration of a stage, which every kind of stage shares. */
import type * as ast from "../../../../grammar/ast.js";
import type { Metric, Network, Slot, Stage, Task } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import type { BackboneValue, MetricValue } from "../core/values.js";
import type { Datasets } from "../data/datasets.js";
import type { StageLines } from "./stage-lines.js";

export interface StageContext {
  readonly id: string;
  readonly decl: ast.StageDecl;
  readonly scope: Scope;
  readonly lines: StageLines;
  readonly datasets: Datasets;
  readonly stages: StageLookup;
  /** The tasks that the metric is elaborated for beside those of the lines. */
  readonly posed: readonly Task[];
  /** The metrics whose declarations have been reported as wrong. */
  readonly invalidMetrics: ReadonlySet<ast.MetricDecl>;
}

export interface ElaboratedStage {
  /** The stage, or undefined if something in it has been reported as wrong. */
  readonly stage: Stage | undefined;
  readonly slots: StageSlots;
  /** The metric for each task of `posed`. Without a metric there are none. */
  readonly posed?: readonly Metric[];
}

/** The result for a stage that is wrong before its slots are known. */
export const notElaborated: ElaboratedStage = { stage: undefined, slots: {} };

export interface StageLookup {
  /** Returns the slots of another stage, or undefined if that stage has been reported as wrong. */
  slotsOf(stage: string, at: ast.Span): StageSlots | undefined;
}

/** The slots of a stage, with what other stages need in order to take them over. */
export interface StageSlots {
  readonly encoder?: EncoderSlot;
  readonly head?: HeadSlot;
  readonly metric?: MetricSlot;
}
export type SlotName = keyof StageSlots;
export const slotNames = ["encoder", "head", "metric"] as const satisfies readonly SlotName[];

export interface EncoderSlot extends Slot<Network> {
  readonly declared: BackboneValue;
}
export interface HeadSlot extends Slot<Network> {
  readonly layers: readonly ast.Layer[];
  readonly scope: Scope;
  /** The split whose classes the logits are over: `birds.train`. */
  readonly labels: string;
}
export interface MetricSlot extends Slot<Metric> {
  readonly declared: MetricValue;
  /** The task that the metric was first elaborated for. It fixes `way` and `shot` in the shapes of weights. */
  readonly task: Task;
  /** True if a stage has trained the learned values. */
  readonly trained: boolean;
}
