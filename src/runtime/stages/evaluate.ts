/** Runs an `evaluate` stage: it embeds the images of the episodes and classifies many episodes at once, row by row. */

import type { EvaluateStage } from "../../compiler/typed/tree.js";
import type { Episode } from "../data/contract.js";
import { disjointEpisodes, disjointSubset, loadEpisodeFile, sampleEpisode, sampleWhole } from "../data/index.js";
import type { Classification } from "./classified-episodes.js";
import { perEpisode } from "./classify.js";
import type { StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import { buildReports, type Evaluated } from "./reports.js";
import { type Row, scoreGroup } from "./score-rows.js";
import type { ScoredEpisodes } from "./scored-episodes.js";
import { requireNumbers } from "./unscored.js";

/** Scores the episodes of all rows and returns what the stage reports. */
export async function runEvaluate(stage: EvaluateStage, context: StageContext): Promise<Evaluated> {
  const scored: ScoredEpisodes[] = [];
  for (const group of groupsOf(stage, context)) {
    for (const [row, classification] of await scoreGroup(stage, group, context)) {
      const { label, task } = row.row;
      const { node } = context.job;
      requireNumbers(classification, {
        stage: label === "" ? node : `${node} (${label})`,
        task,
        span: stage.span,
      });
      const { pack } = datasetOf(context, row.row.split.dataset);
      scored[row.place] = scoredEpisodes(row, classification, new Set(pack.splits.train?.classes));
    }
  }
  return buildReports(stage, scored, context.job.seed);
}

/** Scores the episodes of the job's part of the stage, and keeps them on disk. */
export async function scoreShard(stage: EvaluateStage, context: StageContext): Promise<void> {
  for (const group of groupsOf(stage, context)) await scoreGroup(stage, group, context);
}

/** Returns the rows in groups of one split, which share its embeddings. */
function groupsOf(stage: EvaluateStage, context: StageContext): Row[][] {
  return groupBy(rowsOf(stage, context), ({ row }) => `${row.split.dataset} ${row.split.split}`);
}

function rowsOf(stage: EvaluateStage, context: StageContext): Row[] {
  const { seed, project } = context.job;
  const wantsDisjoint = stage.report.some(({ kind }) => kind === "accuracy_disjoint");
  return stage.rows.map((row, place): Row => {
    const split = packedSplit(datasetOf(context, row.split.dataset).pack, row.split.split);
    const episodes =
      row.given === undefined
        ? Array.from({ length: row.episodes }, (_, i) =>
            row.whole === true
              ? sampleWhole(seed, split, row.task, i)
              : sampleEpisode(seed, "evaluate", split, row.task, i),
          )
        : loadEpisodeFile(row.given, split, project);
    const disjoint = (): Episode[] =>
      row.given === undefined ? disjointEpisodes(seed, split, row.task) : disjointSubset(episodes);
    return { place, row, split, episodes, disjoint: wantsDisjoint ? disjoint() : [] };
  });
}

/** Splits what was classified together into the row's own episodes and those that share no image. */
function scoredEpisodes(
  { row, split, episodes, disjoint }: Row,
  all: Classification,
  known: ReadonlySet<string>,
): ScoredEpisodes {
  const queries = row.task.way * row.task.query;
  const own = episodes.length * queries;
  const accuracies = (values: Float32Array): Float64Array => perEpisode(values.subarray(own), disjoint.length);
  return {
    row,
    split,
    episodes,
    known,
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

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
