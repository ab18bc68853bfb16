/** `evaluate`: each image of the episodes embedded once, then a metric over many episodes, by row. */
import { metricWeights, networkWeights } from "../../compiler/lower/weights.js";
import type { EvaluateRow, EvaluateStage } from "../../compiler/typed.js";
import type { Episode, Pack, PackedSplit } from "../data/contract.js";
import { sampleEpisode } from "../data/index.js";
import type { Engine } from "../engines/engine.js";
import { estimate } from "../statistics.js";
import type { ReportData, StoredResult } from "../store/manifest.js";
import { type Classified, perEpisode } from "./classify.js";
import type { StageContext } from "./context.js";
import { datasetOf, packedSplit } from "./datasets.js";
import type { Rows } from "./rows.js";
import { Embedder, Scorer } from "./scorer.js";
import { startingWeights } from "./weights.js";

export interface Evaluated {
  readonly results: readonly StoredResult[];
  readonly reports: readonly ReportData[];
}

interface Row {
  readonly row: EvaluateRow;
  readonly split: PackedSplit;
  readonly episodes: readonly Episode[];
}

export async function runEvaluate(
  stage: EvaluateStage,
  packs: ReadonlyMap<string, Pack>,
  engine: Engine,
  context: StageContext,
): Promise<Evaluated> {
  const { job } = context;
  const rows: Row[] = stage.rows.map((row) => {
    const split = packedSplit(datasetOf(job.experiment, packs, row.split.dataset).pack, row.split.split);
    const episodes = Array.from({ length: row.episodes }, (_, i) =>
      sampleEpisode(job.seed, "evaluate", split, row.task, i),
    );
    return { row, split, episodes };
  });
  const results: StoredResult[] = [];
  const reports: ReportData[] = [];
  // Rows of one split share its embeddings.
  for (const group of groupBy(rows, ({ row }) => `${row.split.dataset} ${row.split.split}`)) {
    for (const [row, classified] of await scoreGroup(stage, group, packs, engine, context)) {
      results.push(...resultsOf(stage, row, classified));
      reports.push(...reportsOf(stage, row, classified));
    }
  }
  // In the order of the stage's rows, whatever the splits.
  const place = new Map(stage.rows.map(({ label }, i) => [label, i]));
  const order = (a: { row?: string }, b: { row?: string }): number =>
    (place.get(a.row ?? "") ?? 0) - (place.get(b.row ?? "") ?? 0);
  return { results: results.sort(order), reports: reports.sort(order) };
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
  const { job, pace } = context;
  const encoder = stage.encoder.value;
  const encoderWeights = startingWeights(networkWeights("encoder", encoder, stage.encoder.from), job);
  const source = { ...datasetOf(job.experiment, packs, ref.dataset), split: ref.split };
  let rows: ReadonlyMap<string, Rows> = new Map();
  let width = 0;
  if (stage.embedOnce.legal) {
    const metrics = group.map(({ row }) => row.metric);
    const embedder = await Embedder.create(encoder, metrics, source, encoderWeights, engine, context);
    pace.prepared();
    rows = await embedder.run(
      group.flatMap(({ episodes }) => episodes),
      undefined,
      true,
    );
    width = embedder.width;
    await embedder.dispose();
  }
  const scored: [Row, Classified][] = [];
  try {
    for (const row of group) {
      const { metric, task } = row.row;
      const metricDecls = metricWeights({ ...stage.metric, value: metric }, encoder);
      const weights = { ...encoderWeights, ...startingWeights(metricDecls, job) };
      const options = { metric, task, encoder, episodes: row.episodes, report: stage.report, announce: true };
      const from = stage.embedOnce.legal ? { width } : { direct: source };
      const scorer = await Scorer.create(options, from, weights, engine, context);
      pace.prepared();
      scored.push([row, await scorer.run(rows, undefined)]);
      await scorer.dispose();
    }
  } finally {
    for (const kept of rows.values()) kept.close();
  }
  return scored;
}

function resultsOf(stage: EvaluateStage, { row, episodes }: Row, { correct, top }: Classified): StoredResult[] {
  const result = (metric: string, values: Float32Array): StoredResult => {
    const { mean, ci95, count } = estimate(perEpisode(values, episodes.length));
    return { ...(row.label === "" ? {} : { row: row.label }), metric, mean, ci95, episodes: count };
  };
  // Accuracy is always wanted; `report accuracy` only says so.
  const tops = stage.report.flatMap((report) => {
    const values = report.kind === "top" ? top.get(report.k) : undefined;
    return report.kind === "top" && values !== undefined ? [result(`top${report.k}`, values)] : [];
  });
  return [result("accuracy", correct), ...tops];
}

function reportsOf(stage: EvaluateStage, row: Row, classified: Classified): ReportData[] {
  return stage.report.flatMap((report): ReportData[] => {
    if (report.kind === "per_class") return [perClass(row, classified)];
    if (report.kind === "confusion") return [confusion(row, classified)];
    return [];
  });
}

/** Calls `visit` with the split's class of each query and of what it was taken for. */
function eachQuery(
  { row, episodes }: Row,
  { predicted, correct }: Classified,
  visit: (truth: number, taken: number, credit: number) => void,
): void {
  const { way, query } = row.task;
  for (const [e, { classes }] of episodes.entries()) {
    for (let q = 0; q < way * query; q++) {
      const at = e * way * query + q;
      visit(classes[Math.floor(q / query)] ?? 0, classes[predicted[at] ?? 0] ?? 0, correct[at] ?? 0);
    }
  }
}

function perClass(row: Row, classified: Classified): ReportData {
  const credit = new Float64Array(row.split.classes.length);
  const queries = new Int32Array(row.split.classes.length);
  eachQuery(row, classified, (truth, _, gained) => {
    credit[truth] = (credit[truth] ?? 0) + gained;
    queries[truth] = (queries[truth] ?? 0) + 1;
  });
  const classes = row.split.classes.flatMap((name, c) => {
    const count = queries[c] ?? 0;
    return count === 0 ? [] : [{ name, queries: count, accuracy: (credit[c] ?? 0) / count }];
  });
  return { row: row.row.label, kind: "per_class", classes };
}

function confusion(row: Row, classified: Classified): ReportData {
  const { classes } = row.split;
  const counts = new Map<number, number>();
  eachQuery(row, classified, (truth, taken) => {
    const cell = truth * classes.length + taken;
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
  });
  const cells = [...counts]
    .sort(([a], [b]) => a - b)
    .map(([cell, count]) => [Math.floor(cell / classes.length), cell % classes.length, count] as const);
  return { row: row.row.label, kind: "confusion", classes, cells };
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
