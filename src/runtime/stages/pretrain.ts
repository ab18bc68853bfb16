/** Runs a `pretrain` stage: it classifies the images of all classes of a split, in a new order each epoch. */
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import type { PretrainStage } from "../../compiler/typed/tree.js";
import type { PackedSplit } from "../data/contract.js";
import { shuffledImages } from "../data/index.js";
import type { Batches } from "./batches.js";
import type { StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { type DescribedClasses, fillClasses, loadDescribed } from "./described.js";
import { feedData } from "./feeds.js";
import type { Trained } from "./train.js";
import { runTraining } from "./training.js";

/** Trains the encoder of the stage with a classifier over the split's classes. */
export async function runPretrain(stage: PretrainStage, context: StageContext): Promise<Trained> {
  const { dataset, pack } = datasetOf(context, stage.data.dataset);
  const split = packedSplit(pack, stage.data.split);
  const described = await loadDescribed(stage.described ?? [], { dataset, pack, split }, context);
  const kind = {
    stage,
    ref: stage.data,
    perStep: stage.duration.perStep * (stage.views ?? 1),
    batchesOf: (of: PackedSplit) =>
      imageBatches(of, stage.duration, context.job.seed, { views: stage.views, described }),
  };
  return runTraining(stage, { kinds: [kind], fitted: {} }, context);
}

/** Options of the batches of a pretraining. */
export interface BatchOptions {
  /** The number of views of each image: 1 if it is undefined. */
  readonly views?: number | undefined;
  /** The descriptions of the classes of the split. */
  readonly described?: DescribedClasses;
}

/**
 * Returns batches that go through all images in passes. A pass takes every image once, in an order of the seed, and
 * leaves out the images that do not fill its last step. A pass is an epoch, unless images were skipped when the data
 * were read. Then the passes are shorter, and the next pass begins within the epoch, so that every step is full. If there are
 * several views of each image, a part of a step has the images of the part once for each view.
 *
 * @throws DiagnosticError FSL6016 if all images together do not fill one step.
 */
export function imageBatches(
  split: Pick<PackedSplit, "split" | "offsets">,
  { perStep, parts = 1 }: PretrainStage["duration"],
  seed: number,
  { views = 1, described = new Map() }: BatchOptions = {},
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
      const order = current.order.subarray(start, start + perStep);
      // The loader augments an image anew each time that a step has it.
      const part = perStep / parts;
      return Int32Array.from({ length: views * perStep }, (_, i) => {
        const first = Math.floor(i / (views * part)) * part;
        return order[first + (i % part)] ?? 0;
      });
    },
    fill(feeds, images) {
      const labels = feedData(feeds, "labels", Int32Array);
      // The views of a part follow each other, and all have its labels.
      for (const i of labels.keys()) labels[i] = classOf[images[i] ?? 0] ?? 0;
      fillClasses(feeds, described);
    },
  };
}
