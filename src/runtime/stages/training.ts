/** What the training stages share: the compiled step over augmented batches, validated as the stage says. */
import { lowerTraining } from "../../compiler/lower/index.js";
import { encoderWeights } from "../../compiler/lower/weights.js";
import type { MetaStage, PretrainStage, SplitRef } from "../../compiler/typed.js";
import type { Pack, PackedSplit } from "../data/contract.js";
import { createLoader } from "../data/index.js";
import type { Engine, HostTensors } from "../engines/engine.js";
import type { StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { fitted } from "./fit.js";
import { type Batches, pretrained, type Trained, train } from "./train.js";
import { createValidator } from "./validate.js";
import { startingWeights } from "./weights.js";

export interface TrainingData {
  readonly ref: SplitRef;
  /** Images of one step. */
  readonly perStep: number;
  readonly batchesOf: (split: PackedSplit) => Batches;
}

export async function runTraining(
  stage: PretrainStage | MetaStage,
  { ref, perStep, batchesOf }: TrainingData,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<Trained> {
  const { job } = context;
  const { dataset, pack } = datasetOf(job.experiment, packs, ref.dataset);
  const batches = batchesOf(packedSplit(pack, ref.split));
  const training = lowerTraining(stage, dataset, { seed: job.seed, stage: pretrained(job.experiment) });
  const validation = stage.validate && {
    plan: stage.validate,
    validate: await createValidator(
      {
        validation: stage.validate,
        encoder: stage.encoder.value,
        metric: stage.validate.metric,
        ...datasetOf(job.experiment, packs, stage.validate.split.dataset),
      },
      engine,
      context,
    ),
  };
  const constants = stage.kind === "meta" ? await fittedAtStart(stage, packs, engine, context) : {};
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
  try {
    return await train(
      { training, duration: stage.duration, batches, loader, fitted: constants, validation },
      engine,
      context,
    );
  } finally {
    await loader.close();
  }
}

/** What the metric fits from base data, by the encoder that the training starts from. */
function fittedAtStart(
  stage: MetaStage,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<HostTensors> {
  const encoder = stage.encoder.value;
  const weights = startingWeights(encoderWeights(stage.encoder), context.job);
  return fitted({ metric: stage.metric.value, fitFrom: stage.fitFrom, encoder, weights }, packs, engine, context);
}
