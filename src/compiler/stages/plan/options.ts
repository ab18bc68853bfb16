/** The inputs of a plan beside the experiment. */
import type { Node } from "../../tensor/ir.js";
import type { DataDigests, EvaluateStage, Experiment, TrainingStage } from "../../typed/tree.js";
import type { Canonical } from "../canonical/value.js";
import type { ComputedBy, Continues, EvaluatePlan, StepCost } from "./report.js";

/** A finished stage in the store. */
export interface StoredStage {
  /** The digest of its output. */
  readonly output: string;
  readonly by: ComputedBy;
  /** The time that it took, in seconds. */
  readonly seconds: number;
}
export interface PlanOptions {
  readonly seed: number;
  /** Returns the stage that the store has under a key. */
  readonly lookup: (key: string) => StoredStage | undefined;
  /** Returns what is done of a stage that has not ended, by its key. */
  readonly unfinished?: (key: string) => Continues | undefined;
  /** The images that an ingest has decoded of data that are not packed, as `data` names them. */
  readonly decoded?: Readonly<Record<string, Continues | undefined>>;
  /** The nodes that run although the store has them. */
  readonly force?: ReadonlySet<string>;
  /** The digests of the datasets that are packed, by the id of the dataset or, in a graph of variants, of its node. */
  readonly data: Readonly<Record<string, DataDigests | undefined>>;
  /** The key content of stored stages, with which the plan can say what changed. */
  readonly stored?: readonly Canonical[];
  readonly engine: {
    readonly name: string;
    readonly device: string;
    readonly adapter?: string;
    readonly precision?: "bf16";
    readonly why?: string;
    /** The measured peak memory of the engine over that of the program's liveness: lowest and highest. */
    readonly peakFactor: readonly [number, number];
    /** Tells how a device with kernels of its own computes an op; undefined on the processor. */
    readonly support?: (node: Pick<Node, "op" | "dtype">) => "native" | "decomposed" | "processor";
  };
  /** False leaves out the costs, for which every stage is lowered. */
  readonly costs?: boolean;
}

/** Estimates the costs of stages. */
export interface StageCosts {
  /** Returns the cost of a step, with its total over `steps`. */
  ofTraining(stage: TrainingStage, experiment: Experiment, steps: number): StepCost;
  /** Returns the work of all validations, or undefined if there are none. */
  ofValidation(stage: TrainingStage, experiment: Experiment): number | undefined;
  ofEvaluation(stage: EvaluateStage, experiment: Experiment): EvaluatePlan["cost"];
}
