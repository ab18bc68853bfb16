/** `meta`: episodic training; a step is the mean over a few episodes. */
import type { MetaStage, Task } from "../../compiler/typed/tree.js";
import { encoderWeights } from "../../compiler/typed/weights.js";
import type { Pack, PackedSplit } from "../data/contract.js";
import { sampleEpisode } from "../data/index.js";
import type { Engine, HostTensors } from "../engines/engine.js";
import { fillOrders } from "./classify.js";
import type { StageContext } from "./context.js";
import { computeFits } from "./fit.js";
import type { Batches, Trained } from "./train.js";
import { runTraining } from "./training.js";
import { initialWeightsOf } from "./weights.js";

export async function runMeta(
  stage: MetaStage,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<Trained> {
  const { task, split: ref } = stage.episodes;
  const { perStep } = stage.duration;
  const data = {
    ref,
    perStep: perStep * task.way * (task.shot + task.query),
    batchesOf: (split: PackedSplit) => episodeBatches(split, task, perStep, context.job.seed),
    fitted: await fittedAtStart(stage, packs, engine, context),
  };
  return runTraining(stage, data, packs, engine, context);
}

/** Episodes (step − 1) · perStep, … of the training stream: each one's supports, then its queries, class-major. */
export function episodeBatches(split: PackedSplit, task: Task, perStep: number, seed: number): Batches {
  const perEpisode = task.way * (task.shot + task.query);
  return {
    unit: "episodes",
    images(step) {
      const images = new Int32Array(perStep * perEpisode);
      for (let e = 0; e < perStep; e++) {
        const { support, query } = sampleEpisode(seed, "train", split, task, (step - 1) * perStep + e);
        images.set(support, e * perEpisode);
        images.set(query, e * perEpisode + support.length);
      }
      return images;
    },
    // Labels of an episode are its order: the program has them.
    fill(feeds, _, step) {
      fillOrders(feeds, seed, (step - 1) * perStep, perStep);
    },
  };
}

/** Computes what the metric fits from base data, with the encoder that the training starts from. */
function fittedAtStart(
  stage: MetaStage,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<HostTensors> {
  const encoder = stage.encoder.value;
  const weights = initialWeightsOf(encoderWeights(stage.encoder), context.job);
  return computeFits({ metric: stage.metric.value, fitFrom: stage.fitFrom, encoder, weights }, packs, engine, context);
}
