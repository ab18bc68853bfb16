/** Validates a training on episodes, between epochs: the same episodes each time, with the current weights. */

import { type Estimate, estimate } from "../../common/statistics.js";
import type { Dataset, Metric, Network, Validation } from "../../compiler/typed/tree.js";
import type { Pack } from "../data/contract.js";
import { sampleEpisode } from "../data/index.js";
import type { Handle } from "../engines/engine.js";
import type { Classification } from "./classified-episodes.js";
import { imagesOf, outputsOf, perEpisode, takesEmbeddings } from "./classify.js";
import type { StageContext } from "./context.js";
import { packedSplit } from "./datasets.js";
import { loadDescribed } from "./described.js";
import { Embedder, type ImageSource, Scorer, type ScorerOptions } from "./scorer.js";
import { requireNumbers } from "./unscored.js";

export interface ValidatorOptions {
  readonly validation: Validation;
  readonly encoder: Network;
  readonly metric: Metric;
  readonly dataset: Dataset;
  readonly pack: Pack;
}

export interface Validator {
  /** Returns the accuracy of `weights`, which are given by path. */
  validate(weights: Readonly<Record<string, Handle>>): Promise<Estimate>;
  dispose(): Promise<void>;
}

/** Draws the episodes and compiles the programs. Weights are inputs of the programs, because they change. */
export async function createValidator(
  { validation, encoder, metric, dataset, pack }: ValidatorOptions,
  context: StageContext,
): Promise<Validator> {
  const { task, split } = validation;
  const drawn = packedSplit(pack, split.split);
  const episodes = Array.from({ length: validation.episodes }, (_, i) =>
    sampleEpisode(context.job.seed, "validate", drawn, task, i),
  );
  const source = { dataset, pack, split: split.split };
  const params = metric.entries["classify"]?.params ?? [];
  const described = await loadDescribed(params, { dataset, pack, split: drawn }, context);
  const options = { metric, task, encoder, episodes, report: [], constants: undefined, described, showProgress: false };
  if (takesEmbeddings(metric)) return embeddingValidator(options, { source, validation }, context);
  const scorer = await Scorer.create({ ...options, from: { direct: source } }, context);
  return {
    validate: async (weights) => accuracyOf(await scorer.run(new Map(), weights), validation, context),
    dispose: () => scorer.dispose(),
  };
}

/** A validator that embeds each image once per validation. */
async function embeddingValidator(
  options: Omit<ScorerOptions, "from">,
  { source, validation }: { readonly source: ImageSource; readonly validation: Validation },
  context: StageContext,
): Promise<Validator> {
  const { encoder, metric, episodes } = options;
  const outputs = outputsOf(metric);
  const embedder = await Embedder.create({ encoder, outputs, source, constants: undefined }, context);
  let scorer: Scorer;
  try {
    scorer = await Scorer.create({ ...options, from: { width: embedder.width } }, context);
  } catch (error) {
    await embedder.dispose();
    throw error;
  }
  return {
    async validate(weights) {
      const rows = await embedder.run(imagesOf(episodes), { weights, showProgress: false });
      try {
        return accuracyOf(await scorer.run(rows, weights), validation, context);
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

/** @throws DiagnosticError FSL7009 if a query has scores that are not numbers: such weights must not count as wrong guesses. */
function accuracyOf(
  classified: Classification,
  { task, episodes, split }: Validation,
  { job }: StageContext,
): Estimate {
  requireNumbers(classified, { stage: `${job.node} (validation)`, task, span: split.span });
  return estimate(perEpisode(classified.correct, episodes));
}
