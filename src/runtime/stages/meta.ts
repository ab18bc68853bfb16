/** `meta`: episodic training; a step is the mean over a few episodes. */
import type { MetaStage, Task } from "../../compiler/typed/tree.js";
import type { Pack, PackedSplit } from "../data/contract.js";
import { sampleEpisode } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import { fillOrders } from "./classify.js";
import type { StageContext } from "./context.js";
import type { Batches, Trained } from "./train.js";
import { runTraining } from "./training.js";

export function runMeta(
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
