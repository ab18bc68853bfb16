/** `meta`: episodic training; a step is the mean over a few episodes. */
import { lowerTraining } from "../../compiler/lower/index.js";
import type { MetaStage, Task } from "../../compiler/typed.js";
import type { Pack, PackedSplit } from "../data/contract.js";
import { createLoader, sampleEpisode } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import type { StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { type Batches, pretrained, type Trained, train } from "./train.js";
import { createValidator } from "./validate.js";

export async function runMeta(
  stage: MetaStage,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<Trained> {
  const { job } = context;
  const { task, split: ref } = stage.episodes;
  const { dataset, pack } = datasetOf(job.experiment, packs, ref.dataset);
  const split = packedSplit(pack, ref.split);
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
    split: ref.split,
    transforms: dataset.train,
    output: dataset.image,
    maxBatch: stage.duration.perStep * task.way * (task.shot + task.query),
    seed: job.seed,
    purpose: "train",
    threads: job.threads.loaders,
  });
  try {
    const batches = episodeBatches(split, task, stage.duration.perStep, job.seed);
    return await train({ training, duration: stage.duration, batches, loader, validation }, engine, context);
  } finally {
    await loader.close();
  }
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
    fill() {}, // Labels of an episode are its order: the program has them.
  };
}
