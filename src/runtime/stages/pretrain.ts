/** `pretrain`: classification of all classes of a split, image by image, in a new order each epoch. */
import { lowerTraining } from "../../compiler/lower/index.js";
import type { PretrainStage } from "../../compiler/typed.js";
import type { Pack, PackedSplit } from "../data/contract.js";
import { createLoader, shuffledImages } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import type { StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { feedData } from "./feeds.js";
import { type Batches, pretrained, type Trained, train } from "./train.js";
import { createValidator } from "./validate.js";

export async function runPretrain(
  stage: PretrainStage,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<Trained> {
  const { job } = context;
  const { dataset, pack } = datasetOf(job.experiment, packs, stage.data.dataset);
  const split = packedSplit(pack, stage.data.split);
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
  const loader = await createLoader({
    pack,
    split: stage.data.split,
    transforms: dataset.train,
    output: dataset.image,
    maxBatch: stage.duration.perStep,
    seed: job.seed,
    purpose: "train",
    threads: job.threads.loaders,
  });
  try {
    const batches = imageBatches(split, stage.duration, job.seed);
    return await train({ training, duration: stage.duration, batches, loader, validation }, engine, context);
  } finally {
    await loader.close();
  }
}

/** Epoch after epoch, every image once in a seeded order; what does not fill the last step of an epoch is left out. */
export function imageBatches(
  split: Pick<PackedSplit, "offsets">,
  { stepsPerEpoch, perStep }: PretrainStage["duration"],
  seed: number,
): Batches {
  const { offsets } = split;
  const count = offsets.at(-1) ?? 0;
  const classOf = new Int32Array(count);
  for (let c = 0; c + 1 < offsets.length; c++) classOf.fill(c, offsets[c], offsets[c + 1]);
  let current: { epoch: number; order: Int32Array } = { epoch: 0, order: new Int32Array(0) };
  return {
    unit: "images",
    images(step, epoch) {
      if (current.epoch !== epoch) current = { epoch, order: shuffledImages(seed, "train", count, epoch) };
      const start = ((step - 1) % stepsPerEpoch) * perStep;
      return current.order.slice(start, start + perStep);
    },
    fill(feeds, images) {
      const labels = feedData(feeds, "labels", Int32Array);
      for (const [i, image] of images.entries()) labels[i] = classOf[image] ?? 0;
    },
  };
}
