/** Runs a training stage of either kind: compiles its step, loads augmented batches, trains and validates. */
import { lowerTraining } from "../../compiler/lower/index.js";
import type { SplitRef, TrainingStage } from "../../compiler/typed/tree.js";
import type { PackedSplit } from "../data/contract.js";
import { createLoader } from "../data/index.js";
import type { HostTensors } from "../engines/engine.js";
import type { Batches } from "./batches.js";
import { type StageContext, timed } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { type Trained, train } from "./train.js";
import { createValidator, type Validator } from "./validate.js";

/** The data of a training stage, and how its steps draw from it. */
export interface TrainingData {
  readonly ref: SplitRef;
  /** The number of images of one step. */
  readonly perStep: number;
  readonly batchesOf: (split: PackedSplit) => Batches;
  /** Values fitted from base data, by the input that takes them. They are the same at every step. */
  readonly fitted: HostTensors;
}

/** Trains the stage and returns its weights and validations. */
export async function runTraining(
  stage: TrainingStage,
  { ref, perStep, batchesOf, fitted }: TrainingData,
  context: StageContext,
): Promise<Trained> {
  const { job } = context;
  const { dataset, pack } = datasetOf(context, ref.dataset);
  const batches = batchesOf(packedSplit(pack, ref.split));
  const training = await timed(context, "lower", async () => lowerTraining(stage, dataset, { seed: job.seed }));
  const loader = await createLoader({
    pack,
    split: ref.split,
    transforms: dataset.train,
    output: dataset.image,
    maxBatch: perStep,
    seed: job.seed,
    purpose: "train",
    threads: job.threads.loaders,
  });
  let validator: Validator | undefined;
  try {
    validator = await validatorOf(stage, context);
    const validation = stage.validate && validator && { plan: stage.validate, validator };
    const { duration, report = [] } = stage;
    const { image } = dataset;
    return await train({ training, duration, batches, loader, fitted, validation, report, image }, context);
  } finally {
    await validator?.dispose();
    await loader.close();
  }
}

async function validatorOf(
  { validate, encoder }: TrainingStage,
  context: StageContext,
): Promise<Validator | undefined> {
  if (validate === undefined) return undefined;
  const data = datasetOf(context, validate.split.dataset);
  const options = { validation: validate, encoder: encoder.value, metric: validate.metric, ...data };
  return await createValidator(options, context);
}
