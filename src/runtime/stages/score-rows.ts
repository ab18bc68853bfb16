/** Scores the rows of one split of an evaluation, and keeps what is finished of them. */
import type { EvaluateRow, EvaluateStage, Network } from "../../compiler/typed/tree.js";
import { encoderWeights as encoderDecls, scoringWeights } from "../../compiler/typed/weights.js";
import type { Episode, PackedSplit } from "../data/contract.js";
import type { HostTensors } from "../engines/engine.js";
import { rowName } from "../store/parts.js";
import { episodesPerRun } from "./chunks.js";
import type { Classification } from "./classified-episodes.js";
import { ClassifiedEpisodes } from "./classified-episodes.js";
import { imagesOf, outputsOf } from "./classify.js";
import type { StageContext } from "./context.js";
import { datasetOf } from "./datasets.js";
import { loadDescribed } from "./described.js";
import { computeFits } from "./fit.js";
import type { Rows } from "./rows.js";
import { type ImageSource, Scorer } from "./scorer.js";
import { embedShared } from "./shared-embeddings.js";
import { loadInitialWeights } from "./weights.js";

/** A row of the evaluation with its episodes. */
export interface Row {
  /** The position of the row in the stage. */
  readonly place: number;
  readonly row: EvaluateRow;
  readonly split: PackedSplit;
  readonly episodes: readonly Episode[];
  /** Further episodes that share no image with each other, or none if the stage does not report them. */
  readonly disjoint: readonly Episode[];
}

/** The encoder of an evaluation with its weights, and the split that it embeds. */
interface EncoderInUse {
  readonly encoder: Network;
  readonly weights: HostTensors;
  readonly source: ImageSource;
}

/** A row with the values of its queries. */
interface OpenRow extends Row {
  /** The row's own episodes, then the further ones. */
  readonly all: readonly Episode[];
  readonly into: ClassifiedEpisodes;
}

/**
 * Scores the rows of one split. The images of the split are embedded once for all rows, if every metric takes
 * embeddings only. Otherwise each episode embeds its own images. What is finished is kept on disk until the stage ends,
 * and what an earlier process has kept is taken.
 */
export async function scoreGroup(
  stage: EvaluateStage,
  group: readonly Row[],
  context: StageContext,
): Promise<[Row, Classification][]> {
  const ref = group[0]?.row.split;
  if (ref === undefined) return [];
  const rows = group.map((row): OpenRow => {
    const all = [...row.episodes, ...row.disjoint];
    const episodes = { task: row.row.task, count: all.length, report: stage.report, shard: context.job.shard };
    const into = new ClassifiedEpisodes(episodes, { name: rowName(row.place), context });
    return { ...row, all, into };
  });
  if (!rows.every(({ into }) => into.isWhole)) {
    const used: EncoderInUse = {
      encoder: stage.encoder.value,
      weights: loadInitialWeights(encoderDecls(stage.encoder), context.job),
      source: { ...datasetOf(context, ref.dataset), split: ref.split },
    };
    await scoreOpen(stage, rows, used, context);
  }
  return rows.map((row) => [row, row.into.classification]);
}

async function scoreOpen(
  stage: EvaluateStage,
  rows: readonly OpenRow[],
  used: EncoderInUse,
  context: StageContext,
): Promise<void> {
  const embedded = stage.embedOnce.legal ? await embedImages(rows, used, context) : undefined;
  try {
    for (const row of rows) {
      if (row.into.isWhole) continue;
      await scoreRow(stage, row, used, embedded, context);
      // The last row needs no copy on disk, because the stage ends, unless another job stores it.
      if (row.place < stage.rows.length - 1 || context.job.shard !== undefined) await row.into.flush();
    }
  } finally {
    for (const kept of embedded?.rows.values() ?? []) kept.close();
  }
}

/** Embeddings by the name of the network output, and the numbers of all outputs of one image together. */
interface Embedded {
  readonly rows: ReadonlyMap<string, Rows>;
  readonly width: number;
}

/** Embeds the images of the episodes of all rows, each once. Those that only classified episodes use are left out. */
async function embedImages(
  group: readonly OpenRow[],
  { encoder, weights, source }: EncoderInUse,
  context: StageContext,
): Promise<Embedded> {
  const outputs = outputsOf(...group.map(({ row }) => row.metric));
  const images = imagesOf(group.flatMap(({ all }) => all));
  const open = group.flatMap(({ all, into }) => all.filter((_, e) => into.mayNeed(e, episodesPerRun)));
  const needed = imagesOf(open);
  const only = needed.length < images.length ? { only: new Set(needed) } : {};
  const rows = await embedShared({ encoder, weights, outputs, source, images, ...only }, context);
  return { rows, width: [...rows.values()].reduce((sum, { width }) => sum + width, 0) };
}

async function scoreRow(
  stage: EvaluateStage,
  { row: { metric, task }, split, all, into }: OpenRow,
  { encoder, weights, source }: EncoderInUse,
  embedded: Embedded | undefined,
  context: StageContext,
): Promise<void> {
  const metricDecls = scoringWeights({ ...stage.metric, value: metric }, encoder);
  const constants = {
    ...weights,
    ...loadInitialWeights(metricDecls, context.job),
    ...(await computeFits({ metric, fitFrom: stage.fitFrom, encoder, weights }, context)),
  };
  const scorer = await Scorer.create(
    {
      metric,
      task,
      encoder,
      episodes: all,
      report: stage.report,
      into,
      from: embedded === undefined ? { direct: source } : { width: embedded.width },
      constants,
      described: await loadDescribed(metric.entries["classify"]?.params ?? [], { ...source, split }, context),
      showProgress: true,
    },
    context,
  );
  try {
    context.progress.endPreparation();
    await scorer.run(embedded?.rows ?? new Map());
  } finally {
    await scorer.dispose();
  }
}
