/** Episodic validation between epochs: the same episodes each time, on the weights as they are then. */
import type { Dataset, Metric, Network, Validation } from "../../compiler/typed.js";
import type { Pack } from "../data/contract.js";
import { sampleEpisode } from "../data/index.js";
import type { Engine, Handle } from "../engines/engine.js";
import { type Estimate, estimate } from "../statistics.js";
import { imagesOf, outputsOf, perEpisode, takesEmbeddings } from "./classify.js";
import type { StageContext } from "./context.js";
import { packedSplit } from "./datasets.js";
import { Embedder, Scorer } from "./scorer.js";

export interface ValidatorOptions {
  readonly validation: Validation;
  readonly encoder: Network;
  readonly metric: Metric;
  readonly dataset: Dataset;
  readonly pack: Pack;
}

/** Gives the accuracy of the weights at hand, by path. */
export type Validate = (weights: Readonly<Record<string, Handle>>) => Promise<Estimate>;

/** Draws the episodes and compiles the programs, with weights as inputs: they change between validations. */
export async function createValidator(
  { validation, encoder, metric, dataset, pack }: ValidatorOptions,
  engine: Engine,
  context: StageContext,
): Promise<Validate> {
  const { task, split } = validation;
  const drawn = packedSplit(pack, split.split);
  const episodes = Array.from({ length: validation.episodes }, (_, i) =>
    sampleEpisode(context.job.seed, "validate", drawn, task, i),
  );
  const source = { dataset, pack, split: split.split };
  const options = { metric, task, encoder, episodes, report: [], announce: false };
  if (!takesEmbeddings(metric)) {
    const scorer = await Scorer.create(options, { direct: source }, undefined, engine, context);
    return async (weights) => estimate(perEpisode((await scorer.run(new Map(), weights)).correct, episodes.length));
  }
  const embedder = await Embedder.create(encoder, outputsOf(metric), source, undefined, engine, context);
  const scorer = await Scorer.create(options, embedder, undefined, engine, context);
  return async (weights) => {
    const rows = await embedder.run(imagesOf(episodes), weights, false);
    try {
      return estimate(perEpisode((await scorer.run(rows, weights)).correct, episodes.length));
    } finally {
      for (const kept of rows.values()) kept.close();
    }
  };
}
