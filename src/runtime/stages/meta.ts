/** Runs a `meta` stage: episodic training, in which a step averages over a few episodes. */
import { stepKinds } from "../../compiler/typed/stage-kinds.js";
import { imagesIn } from "../../compiler/typed/tasks.js";
import type { MetaStage, Task } from "../../compiler/typed/tree.js";
import { encoderWeights } from "../../compiler/typed/weights.js";
import { allImages, type Episode, type PackedSplit } from "../data/contract.js";
import { toEpisodeList } from "../data/episode-list.js";
import { loadEpisodeFile, sampleEpisode } from "../data/index.js";
import type { HostTensors } from "../engines/engine.js";
import type { Batches } from "./batches.js";
import { fillLabels, fillOrders } from "./classify.js";
import type { StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { type DescribedClasses, fillWays, loadDescribed } from "./described.js";
import { computeFits } from "./fit.js";
import type { Trained } from "./train.js";
import { runTraining, type StepKind } from "./training.js";
import { loadInitialWeights } from "./weights.js";

/** Trains the encoder and the metric of the stage on sampled or listed episodes. */
export async function runMeta(stage: MetaStage, context: StageContext): Promise<Trained> {
  const { perStep } = stage.duration;
  const kinds = await Promise.all(
    stepKinds(stage).map(async (kind): Promise<StepKind> => {
      const { task, split: ref } = kind.episodes;
      const described = await describedTo(kind, context);
      const batchesOf = (split: PackedSplit): Batches =>
        episodeBatches(episodesOf(kind, split, context), { split, task, perStep, described }, context.job.seed);
      return { stage: kind, ref, perStep: perStep * imagesIn(task), batchesOf };
    }),
  );
  return runTraining(stage, { kinds, fitted: await fittedAtStart(stage, context) }, context);
}

/** Loads the descriptions of the classes that the entries of a metric take. */
function describedTo({ metric, episodes: { split } }: MetaStage, context: StageContext): Promise<DescribedClasses> {
  const { dataset, pack } = datasetOf(context, split.dataset);
  const params = Object.values(metric.value.entries).flatMap((entry) => entry.params);
  return loadDescribed(params, { dataset, pack, split: packedSplit(pack, split.split) }, context);
}

/** Returns the episode with a number, counted from 0 over the whole training. */
type EpisodeAt = (index: number) => Episode;

/** Returns the episodes of the training: sampled ones, or those of a list, in its order and again from its start. */
export function episodesOf({ episodes }: MetaStage, split: PackedSplit, { job }: Pick<StageContext, "job">): EpisodeAt {
  const { task, given } = episodes;
  if (given === undefined) return (index) => sampleEpisode(job.seed, "train", split, task, index);
  const listed = loadEpisodeFile(given.list, split, job.project);
  return (index) => listed[index % listed.length] as Episode;
}

/** The episodes of the steps of a training. */
export interface EpisodeBatches {
  readonly split: PackedSplit;
  readonly task: Task;
  readonly perStep: number;
  /** The descriptions of the classes of the split. */
  readonly described: DescribedClasses;
}

/**
 * Returns batches of episodes. A step takes the `perStep` episodes from (step − 1) · perStep on. The images of an
 * episode are its supports, then its queries, class by class, and then those without labels.
 */
export function episodeBatches(
  episodeAt: EpisodeAt,
  { split, task, perStep, described }: EpisodeBatches,
  seed: number,
): Batches {
  const perEpisode = imagesIn(task);
  return {
    unit: "episodes",
    images(step) {
      const images = new Int32Array(perStep * perEpisode);
      for (let e = 0; e < perStep; e++) {
        images.set(allImages(episodeAt((step - 1) * perStep + e)), e * perEpisode);
      }
      return images;
    },
    // The labels follow from the order of the images, unless the classes have different numbers of queries.
    fill(feeds, _, step) {
      const first = (step - 1) * perStep;
      fillOrders(feeds, seed, first, perStep);
      const episodes = Array.from({ length: perStep }, (_, e) => e + first);
      if (described.size > 0) fillWays(feeds, described, episodes.map(episodeAt));
      if (task.dirichlet !== undefined) fillLabels(feeds, episodes.map(episodeAt));
    },
    list: (steps) =>
      toEpisodeList(
        split,
        task,
        Array.from({ length: steps * perStep }, (_, index) => episodeAt(index)),
      ),
  };
}

/** Computes what the metric fits from base data, with the weights that the encoder has at the start of the training. */
function fittedAtStart(stage: MetaStage, context: StageContext): Promise<HostTensors> {
  const encoder = stage.encoder.value;
  const weights = loadInitialWeights(encoderWeights(stage.encoder), context.job);
  return computeFits({ metric: stage.metric.value, fitFrom: stage.fitFrom, encoder, weights }, context);
}
