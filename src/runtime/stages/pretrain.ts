/** `pretrain`: classification of all classes of a split, image by image, in a new order each epoch. */
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { PretrainStage } from "../../compiler/typed/tree.js";
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
    fitted: {},
  };
  return runTraining(stage, data, packs, engine, context);
}

/**
 * Pass after pass, every image once in a seeded order; what does not fill the last step of a pass is left out. A pass is
 * an epoch, unless images were skipped when the data were read: then the passes are shorter, and the next begins within
 * the epoch, so that no step lacks images. @throws DiagnosticError FSL6016 where all images together fill no step.
 */
export function imageBatches(
  split: Pick<PackedSplit, "split" | "offsets">,
  { perStep }: PretrainStage["duration"],
  seed: number,
): Batches {
  const { offsets } = split;
  const count = offsets.at(-1) ?? 0;
  const stepsPerPass = Math.floor(count / perStep);
  if (stepsPerPass === 0) {
    throw new DiagnosticError(diagnostic("FSL6016", undefined, { split: split.split, count, images: perStep }));
  }
  const classOf = new Int32Array(count);
  for (let c = 0; c + 1 < offsets.length; c++) classOf.fill(c, offsets[c], offsets[c + 1]);
  let current: { pass: number; order: Int32Array } = { pass: 0, order: new Int32Array(0) };
  return {
    unit: "images",
    images(step) {
      const pass = Math.floor((step - 1) / stepsPerPass) + 1;
      if (current.pass !== pass) current = { pass, order: shuffledImages(seed, "train", count, pass) };
      const start = ((step - 1) % stepsPerPass) * perStep;
      return current.order.slice(start, start + perStep);
    },
    fill(feeds, images) {
      const labels = feedData(feeds, "labels", Int32Array);
      for (const [i, image] of images.entries()) labels[i] = classOf[image] ?? 0;
    },
  };
}
