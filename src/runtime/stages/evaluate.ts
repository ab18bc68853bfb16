/** `evaluate`: each image of the episodes embedded once, then a metric over many episodes, by row. */

import type { EvaluateRow, EvaluateStage } from "../../compiler/typed/tree.js";
import { encoderWeights as encoderDecls, metricWeights } from "../../compiler/typed/weights.js";
import type { Episode, Pack, PackedSplit } from "../data/contract.js";
import { disjointEpisodes, disjointSubset, loadEpisodeFile, sampleEpisode } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import { type Classified, imagesOf, outputsOf, perEpisode } from "./classify.js";
import type { StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { computeFits } from "./fit.js";
import { type Evaluated, reportOn, type ScoredEpisodes } from "./reports.js";
import type { Rows } from "./rows.js";
import { Embedder, Scorer } from "./scorer.js";
import { initialWeightsOf } from "./weights.js";

interface Row {
  /** Its place among the stage's. */
  readonly place: number;
  readonly row: EvaluateRow;
  readonly split: PackedSplit;
  readonly episodes: readonly Episode[];
  /** More episodes, which share no image with each other; none where they are not reported. */
  readonly disjoint: readonly Episode[];
}

export async function runEvaluate(
  stage: EvaluateStage,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<Evaluated> {
  const { job } = context;
  const wantsDisjoint = stage.report.some(({ kind }) => kind === "accuracy_disjoint");
  const rows = stage.rows.map((row, place): Row => {
    const split = packedSplit(datasetOf(job.experiment, packs, row.split.dataset).pack, row.split.split);
    const episodes =
      row.given === undefined
        ? Array.from({ length: row.episodes }, (_, i) => sampleEpisode(job.seed, "evaluate", split, row.task, i))
        : loadEpisodeFile(row.given, split, job.project);
    const disjoint = (): Episode[] =>
      row.given === undefined ? disjointEpisodes(job.seed, split, row.task) : disjointSubset(episodes);
    return { place, row, split, episodes, disjoint: wantsDisjoint ? disjoint() : [] };
  });
  const scored: ScoredEpisodes[] = [];
  // Rows of one split share its embeddings.
  for (const group of groupBy(rows, ({ row }) => `${row.split.dataset} ${row.split.split}`)) {
    for (const [row, classified] of await scoreGroup(stage, group, packs, engine, context)) {
      scored[row.place] = scoredEpisodes(row, classified);
    }
  }
  return reportOn(stage, scored, job.seed);
}

/** What was classified together, apart again: the row's episodes, and those that share no image. */
function scoredEpisodes({ row, split, episodes, disjoint }: Row, all: Classified): ScoredEpisodes {
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

/** Scores rows that share a split: its images embedded once where that is legal, else anew in each episode. */
async function scoreGroup(
  stage: EvaluateStage,
  group: readonly Row[],
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<[Row, Classified][]> {
  const ref = group[0]?.row.split;
  if (ref === undefined) return [];
  const { job, progress } = context;
  const encoder = stage.encoder.value;
  const encoderWeights = initialWeightsOf(encoderDecls(stage.encoder), job);
  const source = { ...datasetOf(job.experiment, packs, ref.dataset), split: ref.split };
  let rows: ReadonlyMap<string, Rows> = new Map();
  let width = 0;
  if (stage.embedOnce.legal) {
    const outputs = outputsOf(...group.map(({ row }) => row.metric));
    const embedder = await Embedder.create(encoder, outputs, source, encoderWeights, engine, context);
    try {
      progress.endPreparation();
      const images = imagesOf(group.flatMap(({ episodes, disjoint }) => [...episodes, ...disjoint]));
      rows = await embedder.run(images, undefined, true);
      width = embedder.width;
    } finally {
      await embedder.dispose();
    }
  }
  const scored: [Row, Classified][] = [];
  try {
    for (const row of group) {
      const { metric, task } = row.row;
      const metricDecls = metricWeights({ ...stage.metric, value: metric }, encoder);
      const request = { metric, fitFrom: stage.fitFrom, encoder, weights: encoderWeights };
      const constants = await computeFits(request, packs, engine, context);
      const weights = { ...encoderWeights, ...initialWeightsOf(metricDecls, job), ...constants };
      const episodes = [...row.episodes, ...row.disjoint];
      const options = { metric, task, encoder, episodes, report: stage.report, announce: true };
      const from = stage.embedOnce.legal ? { width } : { direct: source };
      const scorer = await Scorer.create(options, from, weights, engine, context);
      try {
        progress.endPreparation();
        scored.push([row, await scorer.run(rows, undefined)]);
      } finally {
        await scorer.dispose();
      }
    }
  } finally {
    for (const kept of rows.values()) kept.close();
  }
  return scored;
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
