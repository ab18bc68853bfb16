/** Runs an `evaluate` stage: it embeds the images of the episodes and classifies many episodes at once, row by row. */

import type { EvaluateRow, EvaluateStage, Network } from "../../compiler/typed/tree.js";
import { encoderWeights as encoderDecls, scoringWeights } from "../../compiler/typed/weights.js";
import type { Episode, PackedSplit } from "../data/contract.js";
import { disjointEpisodes, disjointSubset, loadEpisodeFile, sampleEpisode } from "../data/index.js";
import type { HostTensors } from "../engines/engine.js";
import { type Classification, imagesOf, outputsOf, perEpisode } from "./classify.js";
import type { StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { computeFits } from "./fit.js";
import { buildReports, type Evaluated } from "./reports.js";
import type { Rows } from "./rows.js";
import type { ScoredEpisodes } from "./scored-episodes.js";
import { type ImageSource, Scorer } from "./scorer.js";
import { embedShared } from "./shared-embeddings.js";
import { requireNumbers } from "./unscored.js";
import { loadInitialWeights } from "./weights.js";

/** A row of the evaluation with its episodes. */
interface Row {
  /** The position of the row in the stage. */
  readonly place: number;
  readonly row: EvaluateRow;
  readonly split: PackedSplit;
  readonly episodes: readonly Episode[];
  /** Further episodes that share no image with each other, or none if the stage does not report them. */
  readonly disjoint: readonly Episode[];
}

/** Scores the episodes of all rows and returns what the stage reports. */
export async function runEvaluate(stage: EvaluateStage, context: StageContext): Promise<Evaluated> {
  const scored: ScoredEpisodes[] = [];
  // Rows of one split share its embeddings.
  for (const group of groupBy(rowsOf(stage, context), ({ row }) => `${row.split.dataset} ${row.split.split}`)) {
    for (const [row, classification] of await scoreGroup(stage, group, context)) {
      const { label, task } = row.row;
      const { node } = context.job;
      requireNumbers(classification, {
        stage: label === "" ? node : `${node} (${label})`,
        task,
        span: stage.span,
      });
      scored[row.place] = scoredEpisodes(row, classification);
    }
  }
  return buildReports(stage, scored, context.job.seed);
}

/**
 * Scores given episodes of the only row of a stage, in the same way as its own, and returns their logits: the scores of
 * each class for each query.
 */
export async function scoreGiven(
  stage: EvaluateStage,
  episodes: readonly Episode[],
  context: StageContext,
): Promise<Float32Array> {
  const [row] = stage.rows;
  if (row === undefined) throw new Error(`${stage.id} has no row`);
  const split = packedSplit(datasetOf(context, row.split.dataset).pack, row.split.split);
  const [scored] = await scoreGroup(stage, [{ place: 0, row, split, episodes, disjoint: [] }], context);
  const classified = scored?.[1];
  if (classified?.logits === undefined) throw new Error(`${stage.id} does not report logits`);
  requireNumbers(classified, { stage: stage.id, task: row.task, span: stage.span });
  return classified.logits;
}

function rowsOf(stage: EvaluateStage, context: StageContext): Row[] {
  const { seed, project } = context.job;
  const wantsDisjoint = stage.report.some(({ kind }) => kind === "accuracy_disjoint");
  return stage.rows.map((row, place): Row => {
    const split = packedSplit(datasetOf(context, row.split.dataset).pack, row.split.split);
    const episodes =
      row.given === undefined
        ? Array.from({ length: row.episodes }, (_, i) => sampleEpisode(seed, "evaluate", split, row.task, i))
        : loadEpisodeFile(row.given, split, project);
    const disjoint = (): Episode[] =>
      row.given === undefined ? disjointEpisodes(seed, split, row.task) : disjointSubset(episodes);
    return { place, row, split, episodes, disjoint: wantsDisjoint ? disjoint() : [] };
  });
}

/** Splits what was classified together into the row's own episodes and those that share no image. */
function scoredEpisodes({ row, split, episodes, disjoint }: Row, all: Classification): ScoredEpisodes {
  const queries = row.task.way * row.task.query;
  const own = episodes.length * queries;
  const accuracies = (values: Float32Array): Float64Array => perEpisode(values.subarray(own), disjoint.length);
  return {
    row,
    split,
    episodes,
    classified: {
      correct: all.correct.subarray(0, own),
      top: new Map([...all.top].map(([k, hits]) => [k, hits.subarray(0, own)])),
      predicted: all.predicted.subarray(0, own),
      unscored: all.unscored.subarray(0, own),
      logits: all.logits?.subarray(0, own * row.task.way),
    },
    disjoint: disjoint.length === 0 ? undefined : accuracies(all.correct),
  };
}

/** The encoder of an evaluation with its weights, and the split that it embeds. */
interface EncoderInUse {
  readonly encoder: Network;
  readonly weights: HostTensors;
  readonly source: ImageSource;
}

/**
 * Scores the rows of one split. The images of the split are embedded once for all rows, if every metric takes
 * embeddings only. Otherwise each episode embeds its own images.
 */
async function scoreGroup(
  stage: EvaluateStage,
  group: readonly Row[],
  context: StageContext,
): Promise<[Row, Classification][]> {
  const ref = group[0]?.row.split;
  if (ref === undefined) return [];
  const used: EncoderInUse = {
    encoder: stage.encoder.value,
    weights: loadInitialWeights(encoderDecls(stage.encoder), context.job),
    source: { ...datasetOf(context, ref.dataset), split: ref.split },
  };
  const embedded = stage.embedOnce.legal ? await embedImages(group, used, context) : undefined;
  const scored: [Row, Classification][] = [];
  try {
    for (const row of group) scored.push([row, await scoreRow(stage, row, used, embedded, context)]);
  } finally {
    for (const rows of embedded?.rows.values() ?? []) rows.close();
  }
  return scored;
}

/** The embeddings of a split: rows by network output, and the numbers of all outputs of an image together. */
interface Embedded {
  readonly rows: ReadonlyMap<string, Rows>;
  readonly width: number;
}

/** Embeds every image of the group's episodes once. The caller closes the rows. */
async function embedImages(
  group: readonly Row[],
  { encoder, weights, source }: EncoderInUse,
  context: StageContext,
): Promise<Embedded> {
  const outputs = outputsOf(...group.map(({ row }) => row.metric));
  const images = imagesOf(group.flatMap(({ episodes, disjoint }) => [...episodes, ...disjoint]));
  const rows = await embedShared({ encoder, weights, outputs, source, images }, context);
  return { rows, width: [...rows.values()].reduce((sum, { width }) => sum + width, 0) };
}

async function scoreRow(
  stage: EvaluateStage,
  { row: { metric, task }, episodes, disjoint }: Row,
  { encoder, weights, source }: EncoderInUse,
  embedded: Embedded | undefined,
  context: StageContext,
): Promise<Classification> {
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
      episodes: [...episodes, ...disjoint],
      report: stage.report,
      from: embedded === undefined ? { direct: source } : { width: embedded.width },
      constants,
      showProgress: true,
    },
    context,
  );
  try {
    context.progress.endPreparation();
    return await scorer.run(embedded?.rows ?? new Map());
  } finally {
    await scorer.dispose();
  }
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
