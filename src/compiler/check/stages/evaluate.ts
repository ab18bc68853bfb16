/** Elaborates an `evaluate` stage: one row per task, and what is reported of it. */
import { scoringBorrows } from "../../typed/borrows.js";
import { reportText } from "../../typed/describe.js";
import { partsOf } from "../../typed/splits.js";
import type { Blocker, EvaluateRow, EvaluateStage, Metric, Report, Task } from "../../typed/tree.js";
import { reported } from "../core/reported.js";
import type { TaskRow } from "../data/episodes.js";
import { createBlocker, metricBlockers } from "./blockers.js";
import { type ElaboratedStage, notElaborated, type StageContext, type StageSlots } from "./context.js";
import { checkTables } from "./described-tables.js";
import { checkEncoderTrained, resolveEncoder } from "./encoder-slot.js";
import { type EpisodeSource, episodeCount, resolveTestEpisodes } from "./episode-source.js";
import { checkFitSource, fitBlockers, resolveFitSource, storedFitSource } from "./fit-source.js";
import { checkTrained, resolveMetric } from "./metric-slot.js";
import { reportName, reportUnknown, whyNotListed } from "./report-items.js";
import { reportNames } from "./report-names.js";
import { hasRequiredLines } from "./required-lines.js";
import { type SlotSource, slotSource } from "./slot-source.js";
import { neededStages, storedSlot } from "./slots.js";
import { findLine } from "./stage-lines.js";
import { resolveWeightFiles } from "./weight-files.js";

export function elaborateEvaluate(context: StageContext): ElaboratedStage {
  if (!hasRequiredLines(context, ["encoder", "metric", "episodes"])) return notElaborated;
  const sources = evaluateSources(context);
  if (sources === undefined) return notElaborated;
  const { episodes, count } = sources;
  const encoder = resolveEncoder(sources.encoder, episodes.dataset, context);
  if (encoder === undefined) return notElaborated;
  const wrongMetric = { stage: undefined, slots: { encoder } };
  if (!checkEncoderTrained(encoder, sources.encoder, context)) return wrongMetric;
  const fitSource = resolveFitSource(context);
  if (fitSource === reported) return wrongMetric;
  const tasks = episodes.rows.map((row) => row.task);
  const request = {
    encoder: encoder.value,
    tasks: [...tasks, ...context.posed],
    described: episodes.dataset,
    base: fitSource,
  };
  const metric = resolveMetric(sources.metric, request, context);
  if (metric === undefined) return wrongMetric;
  const slots: StageSlots = { encoder, metric: metric.slot };
  const based =
    fitSource === undefined ? [] : [{ dataset: fitSource.dataset, span: fitSource.split.span, of: "fits" as const }];
  if (!checkTables(metric.slot.value, episodes.dataset, based, context)) return { stage: undefined, slots };
  const report = elaborateReports(context, tasks);
  const weights = resolveWeightFiles(context, slots);
  if (weights === undefined || !checkTrained(metric.slot, sources.metric, context) || report === undefined)
    return { stage: undefined, slots };
  if (!checkFitSource(context, metric.slot, fitSource)) return { stage: undefined, slots };
  if (!checkWhole(episodes, metric.slot.value, report, context)) return { stage: undefined, slots };
  if (!checkHarmonic(episodes, report, context)) return { stage: undefined, slots };
  const { id, decl } = context;
  const name = decl.name.text;
  const stage: EvaluateStage = {
    kind: "evaluate",
    id,
    name,
    span: decl.name.span,
    needs: neededStages(slots, metric.metrics.slice(0, tasks.length).flatMap(scoringBorrows)),
    blockers: [
      ...weights.blockers,
      ...metricBlockers(metric.slot.value, name, sources.metric.span),
      ...fitBlockers(metric.slot, fitSource),
      ...wholeBlockers(episodes),
    ],
    encoder: storedSlot(encoder, weights.files.encoder),
    metric: storedSlot(metric.slot, weights.files.metric),
    ...storedFitSource(metric.slot, fitSource),
    rows: evaluateRows(episodes, metric.metrics, count),
    report,
    embedOnce: embedOnce(metric.slot.value),
  };
  return { stage, slots, posed: metric.metrics.slice(tasks.length) };
}

interface EvaluateSources {
  readonly episodes: EpisodeSource;
  /** The number of episodes of each row that is not a list. */
  readonly count: number;
  readonly encoder: SlotSource;
  readonly metric: SlotSource;
}

/** Returns what the lines of the stage name, or undefined after a report. Reports FSL5060 for a list with a count. */
function evaluateSources(context: StageContext): EvaluateSources | undefined {
  const written = findLine(context.lines, "episodes", "episodes");
  const encoder = slotSource(context, "encoder");
  const metric = slotSource(context, "metric");
  if (written === undefined) return undefined;
  const { line, scope } = written;
  const episodes = resolveTestEpisodes({ task: line.task, split: line.split, scope }, context);
  const count = episodeCount(line.count, scope);
  if (episodes === undefined || count === undefined || encoder === undefined || metric === undefined) return undefined;
  if (line.count !== undefined && episodes.rows.some(isOnlyOne)) {
    const why = "without supports, all classes and all images make one episode, so there is no number of them";
    context.scope.checker.report("FSL5077", line.count.span, { why }, { help: ["leave the count out"] });
    return undefined;
  }
  const list = episodes.rows[0]?.given?.list;
  if (line.count !== undefined && list !== undefined) {
    const holes = { path: list.path, why: "it says itself how many episodes there are" };
    context.scope.checker.report("FSL5060", line.count.span, holes, { help: ["leave the count out"] });
    return undefined;
  }
  return { episodes, count, encoder, metric };
}

/** Returns a row for each task, with the metric that is elaborated for it. */
function evaluateRows({ rows, split }: EpisodeSource, metrics: readonly Metric[], count: number): EvaluateRow[] {
  return rows.flatMap(({ label, task, given, whole }, at) => {
    const metric = metrics[at];
    if (metric === undefined) return [];
    const list = given === undefined ? {} : { given: given.list };
    const episodes = given?.episodes ?? (isOnlyOne(rows[at]) ? 1 : count);
    return [{ label, task, split, episodes, ...list, ...(whole === true ? { whole } : {}), metric }];
  });
}

/** Returns true if a split has only one episode of a row: without supports, all classes and images are in it. */
function isOnlyOne(row: TaskRow | undefined): boolean {
  return row?.whole === true && row.task.shot === 0 && row.isEveryClass === true;
}

/** Returns whether this metric and these reports may have episodes of all queries. Reports FSL5077 if not. */
function checkWhole(
  { rows, span }: EpisodeSource,
  metric: Metric,
  report: readonly Report[],
  { scope: { checker } }: StageContext,
): boolean {
  if (!rows.some(({ whole }) => whole === true)) return true;
  const listing = report.find(({ kind }) => ["accuracy_disjoint", "logits", "logits_json", "episodes"].includes(kind));
  const why =
    metric.entries["classify"]?.transductive === true
      ? `\`${metric.name}\` sees the queries together, and \`all query\` gives classes different numbers of them`
      : listing !== undefined
        ? `\`report ${reportText(listing)}\` needs the same number of queries of each class`
        : undefined;
  if (why !== undefined) checker.report("FSL5077", span, { why });
  return why === undefined;
}

/** Returns whether every episode has known and new classes if `harmonic` is reported. Reports FSL5031 if not. */
function checkHarmonic(
  { rows, split, span }: EpisodeSource,
  report: readonly Report[],
  { scope: { checker } }: StageContext,
): boolean {
  if (!report.some(({ kind }) => kind === "harmonic")) return true;
  const parts = partsOf(split.split);
  if (parts.includes("seen") && parts.length > 1 && rows.every(({ isEveryClass }) => isEveryClass === true))
    return true;
  const why = "it compares known with new classes, so every episode must have all of both";
  const help = ["write `episode whole = all way, 0 shot, all query` and `episodes whole from DATA.seen + DATA.test`"];
  checker.report("FSL5031", span, { report: "harmonic", why }, { help });
  return false;
}

/** Returns a blocker if an episode asks for all of a split that is not known. */
function wholeBlockers({ rows, dataset, split }: EpisodeSource): Blocker[] {
  if (rows.every(({ isKnown }) => isKnown !== false)) return [];
  const what = "how many classes and images an episode has";
  return [createBlocker("FSL5109", split.span, { dataset: dataset.name, what })];
}

/** Returns whether each image may be embedded once for all episodes. It may not if the method embeds images itself. */
function embedOnce(metric: Metric): EvaluateStage["embedOnce"] {
  const params = metric.entries["classify"]?.params ?? [];
  const own = params.find(({ form }) => form === "encoder" || form === "image");
  if (own === undefined) return { legal: true };
  return { legal: false, why: `\`${metric.name}\` embeds its images itself (it takes \`${own.name}\`)` };
}

/** Returns true for a report that lists the episodes. */
const isList = (kind: Report["kind"]): boolean => kind === "episodes" || kind === "logits_json";

/** Returns what the `report` line asks for, each once: the accuracy without such a line, undefined after a report. */
function elaborateReports(context: StageContext, tasks: readonly Task[]): readonly Report[] | undefined {
  const written = findLine(context.lines, "report", "report");
  if (written === undefined) return [{ kind: "accuracy" }];
  const { checker } = written.scope;
  const found: Report[] = [];
  let complete = true;
  const unlisted = tasks.flatMap((task) => whyNotListed(task) ?? [])[0];
  for (const item of written.line.items) {
    const name = reportName(item);
    const plain = reportNames.find((word) => word === name);
    const top = name === undefined ? undefined : /^top(\d+)$/.exec(name)?.[1];
    const k = Number(top);
    const narrow = tasks.find((task) => k >= task.way);
    if (item.every !== undefined) {
      complete = false;
      const holes = { report: name ?? "it", why: "an evaluation has no steps, so `every` is for trainings" };
      checker.report("FSL5031", item.span, holes, { help: ["leave `every …` out"] });
    } else if (plain === "accuracy_disjoint" && tasks.some(({ dirichlet }) => dirichlet !== undefined)) {
      complete = false;
      const why = "its episodes have the same number of queries of each class";
      checker.report("FSL5031", item.span, { report: plain, why });
    } else if (plain !== undefined && unlisted !== undefined && isList(plain)) {
      complete = false;
      checker.report("FSL5031", item.span, { report: plain, why: unlisted });
    } else if (plain !== undefined) found.push({ kind: plain });
    else if (top !== undefined && narrow === undefined && k > 0) found.push({ kind: "top", k });
    else {
      complete = false;
      if (top !== undefined) checker.report("FSL5016", item.span, { k, way: `${narrow?.way ?? 0} ways` });
      else reportUnknown(item, [...reportNames, "top2"], checker);
    }
  }
  if (!complete) return undefined;
  return found.filter((item, i) => found.findIndex((other) => reportText(other) === reportText(item)) === i);
}
