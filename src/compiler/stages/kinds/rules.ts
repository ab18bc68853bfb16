/** The rules of a kind of stage, which the stage graph, the keys and the plan follow. */
import type { EvaluateStage, Experiment, MetaStage, SplitRef, Stage, TrainingStage } from "../../typed/tree.js";
import type { UsedBuiltins } from "../builtins.js";
import type { CanonicalForms } from "../canonical/forms.js";
import type { CanonicalFields } from "../canonical/value.js";
import type { StageCosts } from "../plan/options.js";
import type { PlanOf } from "../plan/report.js";

/** A split that a stage reads, and the chain of transforms that its images go through. */
export interface Read {
  readonly split: SplitRef;
  readonly chain: "train" | "eval";
}

export interface StageRules<S extends Stage> {
  /** Returns the splits that the stage reads. Their datasets are ingested before it runs. */
  reads(stage: S): readonly Read[];
  /** Returns the canonical form, without the kind and the encoder, which every stage has. */
  canonical(stage: S, forms: CanonicalForms): CanonicalFields;
  /** Adds the built-ins of the stage to `used`, without its transforms and its encoder. */
  builtins(stage: S, used: UsedBuiltins, experiment: Experiment): void;
  /** Returns the part of the plan that depends on the kind, without its cost if there are no `costs`. */
  plan(stage: S, experiment: Experiment, costs: StageCosts | undefined): PlanOf<S["kind"]>;
}

/** The split that a training stage validates on. */
export function validationReads({ validate }: TrainingStage): readonly Read[] {
  return validate === undefined ? [] : [{ split: validate.split, chain: "eval" }];
}

/** The split that the metric's values are fitted from. */
export function fitReads({ fitFrom }: MetaStage | EvaluateStage): readonly Read[] {
  return fitFrom === undefined ? [] : [{ split: fitFrom, chain: "eval" }];
}
