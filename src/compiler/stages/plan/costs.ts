/** The costs of the stages of a plan. Equal stages share one estimate, because lowering a stage takes long. */
import { createHash } from "node:crypto";
import { datasetOf } from "../../typed/find.js";
import type { EvaluateStage, Experiment, Stage, TrainingStage } from "../../typed/tree.js";
import { canonicalNetwork } from "../canonical/network.js";
import { canonicalText } from "../canonical/value.js";
import { canonicalStage } from "../canonical.js";
import { evaluateCost, trainingCost, validationWork } from "./cost.js";
import type { PlanOptions, StageCosts } from "./options.js";
import type { EvaluatePlan, StepCost } from "./report.js";

/** Estimates the costs of stages. Stages of one canonical form cost the same, so each form is lowered once. */
export class Costs implements StageCosts {
  private readonly trainings = new Map<string, StepCost>();
  private readonly validations = new Map<string, number | undefined>();
  private readonly evaluations = new Map<string, EvaluatePlan["cost"]>();

  constructor(private readonly options: PlanOptions) {}

  ofTraining(stage: TrainingStage, experiment: Experiment, steps: number): StepCost {
    return once(this.trainings, formOf(stage, experiment), () => trainingCost(stage, experiment, steps, this.options));
  }

  ofValidation(stage: TrainingStage, experiment: Experiment): number | undefined {
    return once(this.validations, formOf(stage, experiment), () => validationWork(stage, experiment, this.options));
  }

  ofEvaluation(stage: EvaluateStage, experiment: Experiment): EvaluatePlan["cost"] {
    return once(this.evaluations, formOf(stage, experiment), () => evaluateCost(stage, experiment, this.options));
  }
}

function once<T>(known: Map<string, T>, key: string, make: () => T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make();
  known.set(key, made);
  return made;
}

/** Returns a digest of what costs depend on: the canonical form, with networks for other stages, and sizes for data. */
function formOf(stage: Stage, experiment: Experiment): string {
  const form = canonicalStage(stage, experiment, {
    output: (id) => {
      const other = experiment.stages.find((each) => each.id === id);
      const slots = other === undefined ? [] : [other.encoder, ...(other.kind === "pretrain" ? [other.head] : [])];
      return canonicalText(slots.map(({ value }) => canonicalNetwork(value)));
    },
    split: ({ dataset, split }) => {
      const { image, facts } = datasetOf(experiment, dataset);
      return JSON.stringify([image, facts?.splits[split]?.images]);
    },
  });
  return createHash("sha256").update(canonicalText(form)).digest("hex");
}
