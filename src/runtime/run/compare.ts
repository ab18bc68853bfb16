/** Compares two evaluations on the same episodes, row by row, or says why rows cannot be compared. */

import { type Estimate, estimate } from "../../common/statistics.js";
import { taskText } from "../../compiler/typed/describe.js";
import type { SplitName, Task } from "../../compiler/typed/tree.js";
import type { ScoredRow } from "../store/scores.js";
import { comparePaired, type PairedComparison } from "./paired.js";
import type { Evaluation } from "./runs.js";

export interface ComparedRow {
  readonly task: Task;
  readonly split: SplitName;
  readonly episodes: number;
  readonly metric: string;
  readonly a: Estimate;
  readonly b: Estimate;
  readonly comparison: PairedComparison;
  /** True for an evaluation that saw all queries of an episode together. If the two differ, the comparison is not fair. */
  readonly transductive: { readonly a: boolean; readonly b: boolean };
}

export interface Comparison {
  readonly a: Evaluation;
  readonly b: Evaluation;
  readonly rows: readonly ComparedRow[];
  /** The reason for each row that has no partner. */
  readonly unpaired: readonly string[];
}

/** Compares the rows of two evaluations. Two rows of one task are compared if their episodes have the same images. */
export function compareEvaluations(a: Evaluation, b: Evaluation): Comparison {
  const older = [a, b].filter(({ scores }) => scores === undefined);
  if (a.scores === undefined || b.scores === undefined) {
    return { a, b, rows: [], unpaired: older.map(withoutScores) };
  }
  const { scores: left } = a;
  const { scores: right } = b;
  const rows: ComparedRow[] = [];
  const unpaired: string[] = [];
  for (const row of left.rows) {
    const partners = right.rows.filter((other) => taskText(other.task) === taskText(row.task));
    const same = partners.find((other) => other.list === row.list && other.digest === row.digest);
    const [partner] = partners;
    const compared = same === undefined ? [] : compareRows(row, same);
    if (compared.length > 0) rows.push(...compared);
    else if (same !== undefined) unpaired.push(`${taskText(row.task)}: one episode cannot be compared; it takes two`);
    else if (partner === undefined) unpaired.push(`only A has ${taskText(row.task)}`);
    else unpaired.push(`${taskText(row.task)}: ${difference(row, left.seed, partner, right.seed)}`);
  }
  for (const row of right.rows) {
    if (!left.rows.some((other) => taskText(other.task) === taskText(row.task))) {
      unpaired.push(`only B has ${taskText(row.task)}`);
    }
  }
  return { a, b, rows, unpaired };
}

function withoutScores(one: Evaluation): string {
  return `${evaluationName(one)} was stored by an older version, without the scores of its episodes; run it anew with \`--force ${one.stage}\``;
}

/** Returns a name such as `20261124-035341-4fd1a2:test`. */
export function evaluationName({ run, stage }: Evaluation): string {
  return `${run}:${stage}`;
}

function compareRows(a: ScoredRow, b: ScoredRow): ComparedRow[] {
  return Object.entries(a.metrics).flatMap(([metric, left]): ComparedRow[] => {
    const right = b.metrics[metric];
    if (right === undefined || right.length !== left.length || left.length < 2) return [];
    return [
      {
        task: a.task,
        split: a.split,
        episodes: left.length,
        metric,
        a: estimate(left),
        b: estimate(right),
        comparison: comparePaired(left, right),
        transductive: { a: a.transductive, b: b.transductive },
      },
    ];
  });
}

/** Returns why two rows of one task do not have the same episodes. Of several reasons it returns the most basic one. */
function difference(a: ScoredRow, seedA: number, b: ScoredRow, seedB: number): string {
  const counts = [a, b].map(({ metrics }) => metrics["accuracy"]?.length ?? 0);
  if (a.split !== b.split) return `A is of the ${a.split} split, B of the ${b.split} split`;
  if (a.digest !== b.digest) return `the images or classes of the ${a.split} split are not the same`;
  if (a.episodes !== b.episodes) {
    return `A's episodes are ${a.episodes}, B's ${b.episodes}, and they are not the same`;
  }
  if (a.episodes === "sampled" && seedA !== seedB) return `A has seed ${seedA}, B seed ${seedB}`;
  if (counts[0] !== counts[1]) return `A has ${counts[0]} episodes, B ${counts[1]}`;
  return "the episodes are not the same, though seed, data and number are: they were drawn by different versions";
}
