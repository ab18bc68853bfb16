/** What the training stages share: the compiled step over augmented batches, validated as the stage says. */
import { lowerTraining } from "../../compiler/lower/index.js";
import { pretrainOf } from "../../compiler/typed/find.js";
import type { SplitRef, TrainingStage } from "../../compiler/typed/tree.js";
import type { Pack, PackedSplit } from "../data/contract.js";
import { createLoader } from "../data/index.js";
import type { Engine, HostTensors } from "../engines/engine.js";
import type { StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { type Batches, type Trained, train } from "./train.js";
import { createValidator, type Validator } from "./validate.js";

export interface TrainingData {
  readonly ref: SplitRef;
  /** Images of one step. */
  readonly perStep: number;
  readonly batchesOf: (split: PackedSplit) => Batches;
  /** Values that the program takes beside the weights, the same at every step. */
  readonly fitted: HostTensors;
}

export async function runTraining(
  stage: TrainingStage,
  { ref, perStep, batchesOf, fitted }: TrainingData,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<Trained> {
  const { job } = context;
  const { dataset, pack } = datasetOf(job.experiment, packs, ref.dataset);
  const batches = batchesOf(packedSplit(pack, ref.split));
  const training = lowerTraining(stage, dataset, {
    seed: job.seed,
    stage: (id) => pretrainOf(job.experiment, id),
  });
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
    validator = await validatorOf(stage, packs, engine, context);
    const validation = stage.validate && validator && { plan: stage.validate, validator };
    const options = { training, duration: stage.duration, batches, loader, fitted, validation };
    return await train(options, engine, context);
  } finally {
    await validator?.dispose();
    await loader.close();
  }
}

async function validatorOf(
  { validate, encoder }: TrainingStage,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<Validator | undefined> {
  if (validate === undefined) return undefined;
  const data = datasetOf(context.job.experiment, packs, validate.split.dataset);
  const options = { validation: validate, encoder: encoder.value, metric: validate.metric, ...data };
  return await createValidator(options, engine, context);
}
