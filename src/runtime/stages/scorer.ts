/**
 * Scoring of episodes as validation and evaluation do it. Their weights differ: constants of an evaluation's programs
 * (the engine may fold and lay them out), given anew to each run of a validation.
 */

import { lowerClassify, lowerEmbed, lowerEpisodes } from "../../compiler/lower/index.js";
import type { Program } from "../../compiler/tensor/ir.js";
import { elementCount } from "../../compiler/tensor/shape.js";
import type { Dataset, Metric, Network, Report, SplitName, Task } from "../../compiler/typed/tree.js";
import type { Episode, Pack } from "../data/contract.js";
import { createLoader } from "../data/index.js";
import type { Engine, Executable, Handle, HostTensors } from "../engines/engine.js";
import { episodesInRun, imageEpisodesInRun, imagesPerRun } from "./chunks.js";
import { type Classified, classify, fromLoader, fromRows } from "./classify.js";
import type { StageContext } from "./context.js";
import { embed } from "./embed.js";
import { inputNames, pick } from "./feeds.js";
import type { Rows } from "./rows.js";
import { StagedExecutable } from "./staged.js";

export interface Source {
  readonly dataset: Dataset;
  readonly pack: Pack;
  readonly split: SplitName;
}

interface Compiled {
  readonly program: Program;
  readonly executable: Executable;
}

/** Compiles a program; constant weights are baked in, others go to each run. */
async function compileFor(program: Program, constants: HostTensors | undefined, engine: Engine): Promise<Compiled> {
  const baked = constants === undefined ? undefined : pick(constants, inputNames(program, "weight"));
  return { program, executable: await engine.compile(program, baked) };
}

/** What of the weights at hand a run of the program takes. */
function weightsOf({ program }: { readonly program: Program }, given: Readonly<Record<string, Handle>> | undefined) {
  return given === undefined ? {} : pick(given, inputNames(program, "weight"));
}

/** Embeds images once and keeps their rows: legal where a metric takes embeddings only. */
export class Embedder {
  private constructor(
    private readonly compiled: Compiled,
    private readonly source: Source,
    private readonly context: StageContext,
    readonly width: number,
  ) {}

  static async create(
    encoder: Network,
    outputs: readonly string[],
    source: Source,
    constants: HostTensors | undefined,
    engine: Engine,
    context: StageContext,
  ): Promise<Embedder> {
    const program = lowerEmbed(encoder, source.dataset, { batch: imagesPerRun, outputs, slot: "encoder" });
    const width = program.outputs.reduce((sum, { node }) => sum + elementCount(node.shape.slice(1)), 0);
    return new Embedder(await compileFor(program, constants, engine), source, context, width);
  }

  /** Rows of images (each once) by network output; the caller closes them. */
  run(
    images: Int32Array,
    given: Readonly<Record<string, Handle>> | undefined,
    announce: boolean,
  ): Promise<ReadonlyMap<string, Rows>> {
    const request = {
      ...this.source,
      ...this.compiled,
      images,
      weights: weightsOf(this.compiled, given),
      spill: `${this.context.job.runDir}/embeddings-${process.pid}`,
      announce,
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
  readonly announce: boolean;
}

/** Classifies episodes whose images are embedded already, or, where `direct` names a source, from the images. */
export class Scorer {
  private constructor(
    private readonly options: ScorerOptions,
    private readonly executable: StagedExecutable,
    private readonly perRun: number,
    private readonly direct: Source | undefined,
    private readonly context: StageContext,
  ) {}

  static async create(
    options: ScorerOptions,
    from: { readonly width: number } | { readonly direct: Source },
    constants: HostTensors | undefined,
    engine: Engine,
    context: StageContext,
  ): Promise<Scorer> {
    const { metric, task, encoder, episodes, report } = options;
    const direct = "direct" in from ? from.direct : undefined;
    const perRun =
      "direct" in from ? imageEpisodesInRun(task, episodes.length) : episodesInRun(task, from.width, episodes.length);
    const lowering = { episodes: perRun, report };
    const program =
      direct === undefined
        ? lowerClassify(metric, task, encoder, lowering)
        : lowerEpisodes(metric, task, encoder, direct.dataset, lowering);
    const executable = await StagedExecutable.compile(program, constants, engine);
    return new Scorer(options, executable, perRun, direct, context);
  }

  async run(rows: ReadonlyMap<string, Rows>, given: Readonly<Record<string, Handle>> | undefined): Promise<Classified> {
    const { task, episodes, report, announce } = this.options;
    const top = report.flatMap((item) => (item.kind === "top" ? [item.k] : []));
    const { executable, perRun } = this;
    const weights = weightsOf(executable, given);
    const request = { task, episodes, top, executable, perRun, weights, announce };
    if (this.direct === undefined) return classify(request, fromRows(episodes, rows), this.context);
    const { dataset, pack, split } = this.direct;
    const { job } = this.context;
    const loader = await createLoader({
      pack,
      split,
      transforms: dataset.eval,
      output: dataset.image,
      maxBatch: this.perRun * task.way * (task.shot + task.query),
      seed: job.seed,
      purpose: "evaluate",
      threads: job.threads.loaders,
    });
    try {
      return await classify(request, fromLoader(episodes, loader, this.perRun), this.context);
    } finally {
      await loader.close();
    }
  }

  dispose(): Promise<void> {
    return this.executable.dispose();
  }
}
