/** `pretrain`: classification of all classes of a split, image by image, in a new order each epoch. */
import type { PretrainStage } from "../../compiler/typed.js";
import type { Pack, PackedSplit } from "../data/contract.js";
import { shuffledImages } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import type { StageContext } from "./context.js";
import { feedData } from "./feeds.js";
import type { Batches, Trained } from "./train.js";
import { runTraining } from "./training.js";

export function runPretrain(
  stage: PretrainStage,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<Trained> {
  const data = {
    ref: stage.data,
    perStep: stage.duration.perStep,
    batchesOf: (split: PackedSplit) => imageBatches(split, stage.duration, context.job.seed),
  };
  return runTraining(stage, data, packs, engine, context);
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
