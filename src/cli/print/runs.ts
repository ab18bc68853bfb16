/** Formats the list of runs, the heading of a run, and the comparison of two evaluations for `fslc runs`. */
import { basename, relative } from "node:path";
import { valueText } from "../../compiler/stages/variants.js";
import { taskText } from "../../compiler/typed/describe.js";
import { type ComparedRow, type Comparison, evaluationName } from "../../runtime/run/compare.js";
import { optionsOf } from "../../runtime/run/diff.js";
import { statusOf } from "../../runtime/run/run-status.js";
import type { RunRecord } from "../../runtime/run/runs.js";
import { sha256 } from "../../runtime/system/sha256.js";
import { count, duration, interval, percent, plural, seedsText, shorten } from "../view/format.js";
import { table } from "./table.js";
import { hanging, wrap } from "./wrap.js";

/** Formats a time as `2026-11-24 07:36`. It is in UTC, as in the ids of runs. */
export function formatTime(time: number): string {
  return new Date(time).toISOString().slice(0, 16).replace("T", " ");
}

/** The widths at which text breaks and at which tables do. */
export interface Widths {
  readonly text: number;
  readonly table: number;
}

/** Formats the list of runs, and the number of reruns that it leaves out. */
export function printRunList(runs: readonly RunRecord[], reruns: number, widths: Widths): string {
  const { text: width, table: tableWidth } = widths;
  const edited = editedFiles(runs);
  const head = ["run (UTC)", "experiment", "seed", "status", "settings and accuracies"];
  const starts = runs.map((run) => [run.id, shorten(basename(run.start.file), 16), seedsOf(run), statusOf(run)]);
  const taken = [0, 1, 2, 3].map((i) => 2 + Math.max(...[head, ...starts].map((row) => [...(row[i] ?? "")].length)));
  const before = taken.reduce((sum, cell) => sum + cell, 0);
  // A terminal that is too narrow for the table gets a list, which breaks lines by itself.
  const room = before + leastRoom > tableWidth ? Number.POSITIVE_INFINITY : Math.max(leastRoom, width - before);
  const listed = table(
    [...head.slice(0, 4), cut(head[4] ?? "", room)],
    runs.flatMap((run, i) => {
      const [first = "", ...more] = linesOf(settingsOf(run, edited).join("  "), headline(run), room);
      return [[...(starts[i] ?? []), first], ...more.map((line) => ["", "", "", "", line])];
    }),
    { align: ["left", "left", "right", "left", "left"], width: tableWidth },
  );
  return reruns === 0 ? listed : `${listed}\n${wrap(leftOut(reruns), width).join("\n")}`;
}

function leftOut(reruns: number): string {
  const [are, them] = reruns === 1 ? ["is", "it"] : ["are", "them"];
  return `${plural(reruns, "rerun")} that took everything from the store ${are} not listed; --all lists ${them}`;
}

/** The least columns for settings and results, and the most lines for each of the two. */
const [leastRoom, mostLines] = [16, 3];

/** Returns the settings and the results of a run in one line, or below each other if there is not enough room. */
function linesOf(settings: string, results: string, room: number): string[] {
  const together = settings === "" ? results : `${settings}  ${results}`;
  if (together.length <= room) return [together];
  return [settings, results].filter((text) => text !== "").flatMap((text) => broken(text, room));
}

/** Breaks a text at spaces. What does not fit into the most lines is cut. */
function broken(text: string, room: number): string[] {
  const lines = wrap(text, room).map((line) => line.trim());
  const kept = lines.slice(0, mostLines - 1);
  return [...kept, ...(lines.length > kept.length ? [lines.slice(kept.length).join(" ")] : [])].map((line) =>
    cut(line, room),
  );
}

function cut(text: string, room: number): string {
  return text.length > room ? `${text.slice(0, room - 1)}…` : text;
}

/** Returns what distinguishes a run from others of its experiment: given parameters and options, and its text if that was edited. */
function settingsOf(run: RunRecord, edited: ReadonlySet<string>): string[] {
  const given = (run.start.inputs?.params ?? []).filter(({ origin }) => origin.startsWith("--"));
  const [root] = run.start.inputs?.sources ?? [];
  return [
    ...given.map(({ name, value }) => `${name}=${JSON.stringify(value)}`),
    ...(run.start.sweep?.params ?? []).map(({ name, values }) => `${name}=${values.map(valueText).join(",")}`),
    ...(root !== undefined && edited.has(run.start.file) ? [`text ${digestOfSources(run).slice(0, 4)}`] : []),
    ...optionsOf(run).map(([name, value]) => `${name} ${value}`),
  ];
}

/** Returns the experiments of which the runs have more than one text. */
function editedFiles(runs: readonly RunRecord[]): ReadonlySet<string> {
  const texts = new Map<string, Set<string>>();
  for (const run of runs) {
    const { file, inputs } = run.start;
    if (inputs !== undefined) texts.set(file, (texts.get(file) ?? new Set()).add(digestOfSources(run)));
  }
  return new Set([...texts].filter(([, found]) => found.size > 1).map(([file]) => file));
}

/** Returns a digest of the experiment and its imports. */
function digestOfSources({ start }: RunRecord): string {
  const own = (start.inputs?.sources ?? []).filter(({ copy }) => copy !== undefined);
  return sha256(own.map((source) => source.sha256).join(" "));
}

/** Returns the seeds of a run: `0`, or `0..4` for a sweep. */
function seedsOf({ start }: RunRecord): string {
  return seedsText(start.sweep?.seeds ?? [start.seed]);
}

/** Returns the lowest and the highest accuracy of each evaluation, over all variants: `proto 62.3–77.4, pixels 31.0`. */
function headline({ start, done }: RunRecord): string {
  const variants = start.sweep?.variants ?? [];
  const names = new Map(variants.flatMap(({ stages }) => Object.entries(stages).map(([name, id]) => [id, name])));
  const accuracies = new Map<string, number[]>();
  for (const { stage, metric, mean } of done?.results ?? []) {
    if (metric !== "accuracy") continue;
    const name = names.get(stage) ?? stage;
    const means = accuracies.get(name);
    if (means === undefined) accuracies.set(name, [mean]);
    else means.push(mean);
  }
  const computed = start.stages.filter(({ kind }) => kind !== "ingest");
  const trained = new Set(computed.map(({ id, name }) => names.get(id) ?? name));
  if (accuracies.size === 0) return [...trained].join(", ");
  return [...accuracies]
    .map(([stage, means]) => {
      const ends = [Math.min(...means), Math.max(...means)].map((mean) => percent(mean, 1));
      return `${stage} ${[...new Set(ends)].join("–")}`;
    })
    .join(", ");
}

/** Returns the heading of a run: its id, file, seed, time, version and status. */
export function printRunHeading(run: RunRecord): string {
  const { id, start, done } = run;
  const { sweep } = start;
  const seeds = sweep === undefined || sweep.seeds.length === 1 ? `seed ${start.seed}` : `seeds ${seedsOf(run)}`;
  const variants = sweep === undefined ? "" : `  ${plural(sweep.variants.length, "variant")}`;
  const ended = done === undefined ? "unfinished" : `${done.status} in ${duration(done.seconds)}`;
  return `${id}  ${start.file}  ${seeds}${variants}\n${formatTime(start.time)} UTC, fslc ${start.version}, ${ended}`;
}

/** Lists paths relative to the working directory, each behind the name of the stage that it belongs to. */
export function printPaths(title: string, paths: readonly (readonly [of: string, path: string])[]): string {
  const width = Math.max(0, ...paths.map(([of]) => (of === "" ? 0 : of.length + 2)));
  return [title, ...paths.map(([of, path]) => `  ${of.padEnd(width)}${relative(process.cwd(), path) || path}`)].join(
    "\n",
  );
}

export function printComparison(compared: Comparison, width: number): string {
  const { a, b, rows, unpaired } = compared;
  return [
    `A  ${evaluationName(a)}\nB  ${evaluationName(b)}`,
    ...rows.map((row) => comparedRow(row, width)),
    ...(unpaired.length === 0 ? [] : [unpaired.flatMap((text) => hanging("not paired: ", text, width)).join("\n")]),
  ].join("\n\n");
}

function comparedRow(row: ComparedRow, width: number): string {
  const { task, split, episodes, metric, a, b, comparison, transductive } = row;
  const { difference, t, wilcoxon, episodes: counts } = comparison;
  const points = `${signed(difference.mean)} ± ${percent(difference.ci95)} points`;
  const kind = (isTransductive: boolean): string => (isTransductive ? "  transductive" : "");
  const lines = [
    ["A", `${interval(a.mean, a.ci95)}${kind(transductive.a)}`],
    ["B", `${interval(b.mean, b.ci95)}${kind(transductive.b)}`],
    ["A - B", `${points}, the 95% interval of the paired difference`],
    ["t-test", `t = ${t.statistic.toFixed(2)} with ${count(t.df)} degrees of freedom, ${formatPValue(t.p)}`],
    ["Wilcoxon", `signed ranks, ${formatPValue(wilcoxon.p)}${wilcoxon.method === "exact" ? " (exact)" : ""}`],
    [
      "episodes",
      `A better in ${count(counts.better)}, equal in ${count(counts.equal)}, worse in ${count(counts.worse)}`,
    ],
  ].flatMap(([word = "", text = ""]) => hanging(`  ${word.padEnd(10)}`, text, width));
  const head = `${metric}, ${taskText(task)}, ${count(episodes)} episodes of the ${split} split`;
  return [...wrap(head, width), ...lines, ...transductionWarning(transductive, width)].join("\n");
}

/** Warns if only one of two methods is transductive, because a method that sees all queries of an episode has an advantage. */
function transductionWarning({ a, b }: ComparedRow["transductive"], width: number): string[] {
  if (a === b) return [];
  const [seeing, other] = a ? ["A", "B"] : ["B", "A"];
  return hanging(
    "  ! ",
    `this is not a fair comparison: ${seeing} is transductive and sees all queries of an episode together, but ${other} sees one query at a time`,
    width,
  );
}

function signed(fraction: number): string {
  return `${fraction < 0 ? "-" : "+"}${percent(Math.abs(fraction))}`;
}

export function formatPValue(p: number): string {
  return p < 0.0001 ? "p < 0.0001" : `p = ${p.toFixed(4)}`;
}
