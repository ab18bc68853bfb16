/** Episodic validation between epochs: the same episodes each time, on the weights as they are then. */
import { lowerClassify, lowerEmbed } from "../../compiler/lower/index.js";
import type { Program } from "../../compiler/tensor/ir.js";
import type { Dataset, Metric, Network, Validation } from "../../compiler/typed.js";
import type { Episode, Pack } from "../data/contract.js";
import { sampleEpisode } from "../data/index.js";
import type { Engine, Executable, Handle } from "../engines/engine.js";
import { type Estimate, estimate } from "../statistics.js";
import { episodesInRun, imagesPerRun } from "./chunks.js";
import { classify, imagesOf, outputsOf, perEpisode } from "./classify.js";
import type { StageContext } from "./context.js";
import { elements } from "./context.js";
import { embed, packedSplit } from "./embed.js";
import { inputNames, pick } from "./feeds.js";

export interface ValidatorOptions {
  readonly validation: Validation;
  readonly encoder: Network;
  readonly metric: Metric;
  readonly dataset: Dataset;
  readonly pack: Pack;
}

export class Validator {
  private constructor(
    private readonly options: ValidatorOptions,
    private readonly context: StageContext,
    private readonly episodes: readonly Episode[],
    private readonly images: Int32Array,
    private readonly embedding: { readonly program: Program; readonly executable: Executable },
    private readonly classifying: {
      readonly program: Program;
      readonly executable: Executable;
      readonly perRun: number;
    },
  ) {}

  /** Draws the episodes and compiles both programs, with weights as inputs: they change between validations. */
  static async create(options: ValidatorOptions, engine: Engine, context: StageContext): Promise<Validator> {
    const { validation, encoder, metric, dataset, pack } = options;
    const split = packedSplit(pack, validation.split.split);
    const episodes = Array.from({ length: validation.episodes }, (_, i) =>
      sampleEpisode(context.job.seed, "validate", split, validation.task, i),
    );
    const outputs = outputsOf(metric);
    const embedding = lowerEmbed(encoder, dataset, { batch: imagesPerRun, outputs, slot: "encoder" });
    const width = embedding.outputs.reduce((sum, { node }) => sum + elements(node.shape.slice(1)), 0);
    const perRun = episodesInRun(validation.task, width, validation.episodes);
    const classifying = lowerClassify(metric, validation.task, encoder, { episodes: perRun, report: [] });
    return new Validator(
      options,
      context,
      episodes,
      imagesOf(episodes),
      { program: embedding, executable: await engine.compile(embedding) },
      { program: classifying, executable: await engine.compile(classifying), perRun },
    );
  }

  /** Accuracy of the weights at hand, by path. */
  async run(weights: Readonly<Record<string, Handle>>): Promise<Estimate> {
    const { validation, dataset, pack } = this.options;
    const rows = await embed(
      {
        dataset,
        pack,
        split: validation.split.split,
        images: this.images,
        ...this.embedding,
        weights: pick(weights, inputNames(this.embedding.program, "weight")),
        spill: `${this.context.job.runDir}/validation`,
        announce: false,
      },
      this.context,
    );
    try {
      const { correct } = await classify(
        {
          task: validation.task,
          episodes: this.episodes,
          top: [],
          ...this.classifying,
          weights: pick(weights, inputNames(this.classifying.program, "weight")),
          rows,
          announce: false,
        },
        this.context,
      );
      return estimate(perEpisode(correct, this.episodes.length));
    } finally {
      for (const kept of rows.values()) kept.close();
    }
  }
}
