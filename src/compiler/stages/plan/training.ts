/** The part of a plan that every training stage has. */
import { plainTask } from "../../typed/tasks.js";
import type { Experiment, SplitRef, Task, TrainingStage } from "../../typed/tree.js";
import { optimizerGroups } from "./optimizer.js";
import type { StageCosts } from "./options.js";
import type { EpisodesPlan, PlanOf, SplitPlan, ValidationPlan } from "./report.js";

type TrainingFields = Pick<
  PlanOf<TrainingStage["kind"]>,
  "optimizer" | "schedule" | "epochs" | "steps" | "validation" | "ema" | "report" | "cost" | "validationWork"
>;

/** `counted` is false if nobody has counted the images and classes that the stage trains on. */
export function trainingFields(
  stage: TrainingStage,
  experiment: Experiment,
  { counted, costs }: { readonly counted: boolean; readonly costs: StageCosts | undefined },
): TrainingFields {
  const { schedule, duration, ema, report, blockers } = stage;
  const steps = duration.epochs * duration.stepsPerEpoch;
  const lowers = blockers.length === 0 ? costs : undefined;
  const validationWork = lowers?.ofValidation(stage, experiment);
  return {
    optimizer: optimizerGroups(stage, { counted }),
    schedule,
    epochs: duration.epochs,
    steps: counted ? steps : "unknown",
    validation: validationPlan(stage),
    ema,
    ...(report === undefined ? {} : { report }),
    cost: lowers?.ofTraining(stage, experiment, steps),
    ...(validationWork === undefined ? {} : { validationWork }),
  };
}

function validationPlan({ validate }: TrainingStage): ValidationPlan | undefined {
  if (validate === undefined) return undefined;
  const { task, split, episodes, everyEpochs, keepBest, patience } = validate;
  return {
    ...episodesPlan(task, split),
    episodes,
    everyEpochs,
    keepBest,
    ...(patience === undefined ? {} : { patience }),
  };
}

export const splitPlan = ({ dataset, split }: SplitRef): SplitPlan => ({ dataset, split });

export function episodesPlan(task: Task, split: SplitRef): EpisodesPlan {
  return { task: plainTask(task), ...splitPlan(split) };
}
