/** Makes the reports of an evaluation from its scored rows: results with intervals, counts by class, scores and files. */

import { type Estimate, estimate } from "../../common/statistics.js";
import { plainTask } from "../../compiler/typed/tasks.js";
import type { EvaluateRow, EvaluateStage, Report } from "../../compiler/typed/tree.js";
import { formatEpisodeList, toEpisodeList } from "../data/episode-list.js";
import type { ReportData, StoredResult } from "../store/manifest.js";
import { encodeScores, episodesDigest, type ScoredRow, scoresFile } from "../store/scores.js";
import type { StoredFile } from "../store/store.js";
import { macroScores, scoresByClass } from "./class-scores.js";
import { accuracyOf, classMeanOf, eachReal, harmonicOf, type Measure } from "./measures.js";
import { scoresAsJson, scoresAsSafetensors } from "./score-files.js";
import type { ScoredEpisodes } from "./scored-episodes.js";

/** Everything that an evaluation reports. */
export interface Evaluated {
  readonly results: readonly StoredResult[];
  readonly reports: readonly ReportData[];
  readonly files: readonly StoredFile[];
}

/** Builds the reports of a stage. `rows` has the order of the stage's rows. */
export function buildReports(stage: EvaluateStage, rows: readonly ScoredEpisodes[], seed: number): Evaluated {
  const measures = rows.map((row) => measuresOf(stage.report, row));
  const scored = rows.map((row, i) => scoredRow(row, measures[i] ?? {}));
  return {
    results: rows.flatMap((row, i) => resultsOf(row, measures[i] ?? {})),
    reports: rows.flatMap((row) => reportsOf(stage.report, row)),
    files: [
      { name: scoresFile, bytes: encodeScores({ format: 1, seed, rows: scored }) },
      ...rows.flatMap((row) => filesOf(stage.report, row, { namesTask: rows.length > 1 })),
    ],
  };
}

export function isTransductive({ metric }: Pick<EvaluateRow, "metric">): boolean {
  return metric.entries["classify"]?.transductive === true;
}

/** The measures of a row by name. Accuracy is always reported; `report accuracy` changes nothing. */
function measuresOf(report: readonly Report[], scored: ScoredEpisodes): Readonly<Record<string, Measure>> {
  const { classified } = scored;
  const measures: Record<string, Measure> = { accuracy: accuracyOf(scored, classified.correct) };
  for (const item of report) {
    const hits = item.kind === "top" ? classified.top.get(item.k) : undefined;
    if (item.kind === "top" && hits !== undefined) measures[`top${item.k}`] = accuracyOf(scored, hits);
    if (item.kind === "class_mean") measures["class_mean"] = classMeanOf(scored);
    if (item.kind === "harmonic") Object.assign(measures, harmonicOf(scored, scored.known));
  }
  return measures;
}

function scoredRow({ row, split, episodes }: ScoredEpisodes, measures: Readonly<Record<string, Measure>>): ScoredRow {
  return {
    task: row.task,
    split: split.split,
    digest: split.imageDigest,
    episodes: row.given === undefined ? "sampled" : "given",
    list: episodesDigest(row.task, episodes),
    transductive: isTransductive(row),
    metrics: Object.fromEntries(Object.entries(measures).map(([name, { values }]) => [name, [...values]])),
  };
}

function resultsOf(
  { row, disjoint, classified }: ScoredEpisodes,
  measures: Readonly<Record<string, Measure>>,
): StoredResult[] {
  const named = Object.entries(measures).map(([name, measure]): [string, Estimate] => [name, measure.estimate]);
  const { assumes = [], random = false } = row.metric.entries["classify"] ?? {};
  const unscored = classified.unscored.reduce((sum, one) => sum + one, 0);
  if (disjoint !== undefined) named.splice(1, 0, ["accuracy_disjoint", estimate(disjoint)]);
  return named.map(([metric, { mean, ci95, count }]) => {
    return {
      ...(row.label === "" ? {} : { row: row.label }),
      metric,
      mean,
      ci95,
      episodes: count,
      ...(random ? { sampled: true as const } : {}),
      ...(isTransductive(row) ? { transductive: true as const } : {}),
      ...(assumes.length > 0 ? { assumes } : {}),
      ...(unscored > 0 ? { unscored } : {}),
    };
  });
}

function reportsOf(report: readonly Report[], row: ScoredEpisodes): ReportData[] {
  return report.flatMap((item): ReportData[] => {
    if (item.kind === "per_class") return [perClass(row)];
    if (item.kind === "confusion") return [{ row: row.row.label, kind: "confusion", ...confusion(row) }];
    if (item.kind === "f1") return [f1(row)];
    return [];
  });
}

/** Calls `visit` for each query, with its class and the predicted class, both by index within the split. */
function eachQuery(
  { row, episodes, classified: { predicted, correct } }: ScoredEpisodes,
  visit: (truth: number, predicted: number, credit: number) => void,
): void {
  const { way, query } = row.task;
  for (const [e, episode] of episodes.entries()) {
    const { classes } = episode;
    eachReal(episode, row.task, (c, q) => {
      const at = e * way * query + q;
      visit(classes[c] ?? 0, classes[predicted[at] ?? 0] ?? 0, correct[at] ?? 0);
    });
  }
}

function perClass(scored: ScoredEpisodes): ReportData {
  const { row, split } = scored;
  const credit = new Float64Array(split.classes.length);
  const queries = new Int32Array(split.classes.length);
  eachQuery(scored, (truth, _, gained) => {
    credit[truth] = (credit[truth] ?? 0) + gained;
    queries[truth] = (queries[truth] ?? 0) + 1;
  });
  const classes = split.classes.flatMap((name, c) => {
    const count = queries[c] ?? 0;
    return count === 0 ? [] : [{ name, queries: count, accuracy: (credit[c] ?? 0) / count }];
  });
  return { row: row.label, kind: "per_class", classes };
}

function f1(scored: ScoredEpisodes): ReportData {
  const { classes: names, cells } = confusion(scored);
  const classes = [...scoresByClass(cells)].map(([c, scores]) => ({ name: names[c] ?? "", ...scores }));
  return { row: scored.row.label, kind: "f1", macro: macroScores(classes), classes };
}

function confusion(scored: ScoredEpisodes): Pick<Extract<ReportData, { kind: "confusion" }>, "classes" | "cells"> {
  const { classes } = scored.split;
  const counts = new Map<number, number>();
  eachQuery(scored, (truth, predicted) => {
    const cell = truth * classes.length + predicted;
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
  });
  const cells = [...counts]
    .sort(([a], [b]) => a - b)
    .map(([cell, count]) => [Math.floor(cell / classes.length), cell % classes.length, count] as const);
  return { classes, cells };
}

/** Returns the files of one row. If the stage has several rows, the names of the files contain the task. */
function filesOf(
  report: readonly Report[],
  scored: ScoredEpisodes,
  { namesTask }: { readonly namesTask: boolean },
): StoredFile[] {
  const { row, split, episodes } = scored;
  // Rows differ in at least one number of their tasks, so their files have different names.
  const numbers = Object.entries(plainTask(row.task)).map(([part, value]) => `-${value}${part}`);
  const suffix = namesTask ? numbers.join("") : "";
  return report.flatMap(({ kind }): StoredFile[] => {
    if (kind === "logits") return [{ name: `logits${suffix}.safetensors`, bytes: scoresAsSafetensors(scored) }];
    if (kind === "logits_json") return [{ name: `logits${suffix}.json`, bytes: scoresAsJson(scored) }];
    if (kind !== "episodes") return [];
    const list = toEpisodeList(split, row.task, episodes);
    return [{ name: `episodes${suffix}.json`, bytes: Buffer.from(formatEpisodeList(list)) }];
  });
}
