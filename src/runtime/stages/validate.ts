/** Episodic validation between epochs: the same episodes each time, on the weights as they are then. */

import { type Estimate, estimate } from "../../common/statistics.js";
import type { Dataset, Metric, Network, Validation } from "../../compiler/typed/tree.js";
import type { Pack } from "../data/contract.js";
import { sampleEpisode } from "../data/index.js";
import type { Engine, Handle } from "../engines/engine.js";
import { type Classified, imagesOf, outputsOf, perEpisode, takesEmbeddings } from "./classify.js";
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

export interface Validator {
  /** The accuracy of the weights at hand, by path. */
  validate(weights: Readonly<Record<string, Handle>>): Promise<Estimate>;
  dispose(): Promise<void>;
}

/** Draws the episodes and compiles the programs, with weights as inputs: they change between validations. */
export async function createValidator(
  { validation, encoder, metric, dataset, pack }: ValidatorOptions,
  engine: Engine,
  context: StageContext,
): Promise<Validator> {
  const { task, split } = validation;
  const drawn = packedSplit(pack, split.split);
  const episodes = Array.from({ length: validation.episodes }, (_, i) =>
    sampleEpisode(context.job.seed, "validate", drawn, task, i),
  );
  const source = { dataset, pack, split: split.split };
  const options = { metric, task, encoder, episodes, report: [], announce: false };
  const scored = ({ correct }: Classified): Estimate => estimate(perEpisode(correct, episodes.length));
  if (!takesEmbeddings(metric)) {
    const scorer = await Scorer.create(options, { direct: source }, undefined, engine, context);
    return {
      validate: async (weights) => scored(await scorer.run(new Map(), weights)),
      dispose: () => scorer.dispose(),
    };
  }
  const embedder = await Embedder.create(encoder, outputsOf(metric), source, undefined, engine, context);
  let scorer: Scorer;
  try {
    scorer = await Scorer.create(options, embedder, undefined, engine, context);
  } catch (error) {
    await embedder.dispose();
    throw error;
  }
  return {
    async validate(weights) {
      const rows = await embedder.run(imagesOf(episodes), weights, false);
      try {
        return scored(await scorer.run(rows, weights));
      } finally {
        for (const kept of rows.values()) kept.close();
      }
    },
    async dispose() {
      await scorer.dispose();
      await embedder.dispose();
    },
  };
}
