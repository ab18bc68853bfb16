/**
 * Embeds images and scores episodes, for validation and evaluation. The weights of an evaluation are constants of its
 * programs, so the engine may fold them. The weights of a validation change, so each run takes them.
 */

import { lowerClassify, lowerEmbed, lowerEpisodes } from "../../compiler/lower/index.js";
import type { Program } from "../../compiler/tensor/ir.js";
import { elementCount } from "../../compiler/tensor/shape.js";
import { imagesIn } from "../../compiler/typed/tasks.js";
import type { Dataset, Metric, Network, Report, SplitName, Task } from "../../compiler/typed/tree.js";
import type { Episode, Pack } from "../data/contract.js";
import { createLoader } from "../data/index.js";
import type { Engine, Executable, Handle, HostTensors } from "../engines/engine.js";
import { episodesInRun, imageEpisodesInRun, imagesPerRun } from "./chunks.js";
import type { Classification } from "./classified-episodes.js";
import { ClassifiedEpisodes } from "./classified-episodes.js";
import { type ClassifyRequest, classify, fromLoader, fromRows } from "./classify.js";
import { type StageContext, timed } from "./context.js";
import type { DescribedClasses } from "./described.js";
import { type EmbedRequest, embed } from "./embed.js";
import { inputNames, pick } from "./feeds.js";
import type { Rows } from "./rows.js";
import { SegmentedExecutable } from "./segmented.js";

/** A split of an open dataset. */
export interface ImageSource {
  readonly dataset: Dataset;
  readonly pack: Pack;
  readonly split: SplitName;
}

type Weights = Readonly<Record<string, Handle>>;

interface Compiled {
  readonly program: Program;
  readonly executable: Executable;
}

/** Compiles a program. Its weights in `constants` become part of it; without `constants`, each run takes them. */
async function compileFor(program: Program, constants: HostTensors | undefined, engine: Engine): Promise<Compiled> {
  const own = constants === undefined ? undefined : pick(constants, inputNames(program, "weight"));
  return { program, executable: await engine.compile(program, own) };
}

/** Returns the weights that a run of the program takes. */
function weightsOf({ program }: { readonly program: Program }, given: Weights | undefined): Weights {
  return given === undefined ? {} : pick(given, inputNames(program, "weight"));
}

export interface EmbedderOptions {
  readonly encoder: Network;
  /** The names of the outputs of the encoder to keep. */
  readonly outputs: readonly string[];
  readonly source: ImageSource;
  /** The encoder's weights, or undefined if they are given to each run. */
  readonly constants: HostTensors | undefined;
}

/** Embeds images once and keeps their rows. This is legal if a metric takes embeddings only. */
export class Embedder {
  private constructor(
    private readonly compiled: Compiled,
    private readonly source: ImageSource,
    private readonly context: StageContext,
    /** The numbers of all outputs of one image together. */
    readonly width: number,
  ) {}

  static async create(
    { encoder, outputs, source, constants }: EmbedderOptions,
    context: StageContext,
  ): Promise<Embedder> {
    const lowering = { batch: imagesPerRun, outputs, slot: "encoder" } as const;
    const program = await timed(context, "lower", async () => lowerEmbed(encoder, source.dataset, lowering));
    const width = program.outputs.reduce((sum, { node }) => sum + elementCount(node.shape.slice(1)), 0);
    return new Embedder(await compileFor(program, constants, context.engine), source, context, width);
  }

  /**
   * Embeds images, each once, and returns their rows by network output. With `keep`, the rows are kept on disk under this name until
   * the stage ends. The caller closes the rows.
   */
  run(
    images: Int32Array,
    options: Pick<EmbedRequest, "only" | "keep" | "showProgress"> & { readonly weights?: Weights },
  ): Promise<ReadonlyMap<string, Rows>> {
    const { weights, ...how } = options;
    const request = {
      ...this.source,
      ...this.compiled,
      images,
      weights: weightsOf(this.compiled, weights),
      spill: `${this.context.job.runDir}/embeddings-${process.pid}`,
      ...how,
    };
    return embed(request, this.context);
  }

  dispose(): Promise<void> {
    return this.compiled.executable.dispose();
  }
}

export interface ScorerOptions {
  readonly metric: Metric;
  readonly task: Task;
  readonly encoder: Network;
  readonly episodes: readonly Episode[];
  readonly report: readonly Report[];
  /** Receives the values of the queries, and may have some of them already. Without it, each run classifies all episodes. */
  readonly into?: ClassifiedEpisodes;
  /** The input of the classification: embeddings of `width` numbers in all per image, or the images of a source. */
  readonly from: { readonly width: number } | { readonly direct: ImageSource };
  /** All weights, or undefined if they are given to each run. */
  readonly constants: HostTensors | undefined;
  /** The descriptions of the classes of the split. */
  readonly described: DescribedClasses;
  readonly showProgress: boolean;
}

/** Classifies episodes, either from rows of embeddings or directly from images. */
export class Scorer {
  private constructor(
    private readonly options: ScorerOptions,
    private readonly executable: SegmentedExecutable,
    private readonly perRun: number,
    private readonly context: StageContext,
  ) {}

  static async create(options: ScorerOptions, context: StageContext): Promise<Scorer> {
    const { metric, task, encoder, episodes, report, from, constants } = options;
    const perRun =
      "direct" in from ? imageEpisodesInRun(task, episodes.length) : episodesInRun(task, from.width, episodes.length);
    const lowering = { episodes: perRun, report, seed: context.job.seed };
    const program = await timed(context, "lower", async () =>
      "direct" in from
        ? lowerEpisodes(metric, task, encoder, from.direct.dataset, lowering)
        : lowerClassify(metric, task, encoder, lowering),
    );
    const executable = await SegmentedExecutable.compile(program, constants, context.engine);
    return new Scorer(options, executable, perRun, context);
  }

  /** Classifies all episodes. `rows` holds the embeddings by output; it is not used if the input is images. */
  async run(rows: ReadonlyMap<string, Rows>, given?: Weights): Promise<Classification> {
    const { task, episodes, report, from, described, showProgress } = this.options;
    const { executable, perRun } = this;
    const into = this.options.into ?? new ClassifiedEpisodes({ task, count: episodes.length, report });
    const weights = weightsOf(executable, given);
    const request = { episodes, into, executable, perRun, weights, described, showProgress };
    if ("direct" in from) await this.runDirectly(request, from.direct);
    else await classify(request, fromRows(episodes, rows), this.context);
    return into.classification;
  }

  private async runDirectly(request: ClassifyRequest, { dataset, pack, split }: ImageSource): Promise<void> {
    const { perRun } = request;
    const { task } = this.options;
    const { job } = this.context;
    const loader = await createLoader({
      pack,
      split,
      transforms: dataset.eval,
      output: dataset.image,
      maxBatch: perRun * imagesIn(task),
      seed: job.seed,
      purpose: "evaluate",
      threads: job.threads.loaders,
    });
    try {
      await classify(request, fromLoader(request, loader), this.context);
    } finally {
      await loader.close();
    }
  }

  dispose(): Promise<void> {
    return this.executable.dispose();
  }
}
