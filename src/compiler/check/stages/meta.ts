/** Elaborates a `meta` stage: an encoder and a metric that are trained on episodes. */
import { entriesBorrow, trainedEntries } from "../../typed/borrows.js";
import type { Block, Dataset, MetaStage, Metric, Task, Validation } from "../../typed/tree.js";
import { type Reported, reported } from "../core/reported.js";
import type { TaskRow } from "../data/episodes.js";
import { metricBlockers, trainingBlockers } from "./blockers.js";
import { type ElaboratedStage, notElaborated, type StageContext, type StageSlots } from "./context.js";
import { type AlsoDescribed, checkTables } from "./described-tables.js";
import { metaDuration } from "./duration.js";
import { resolveEncoder } from "./encoder-slot.js";
import { type EpisodeSource, resolveTrainingEpisodes } from "./episode-source.js";
import { checkFitSource, fitBlockers, resolveFitSource, storedFitSource } from "./fit-source.js";
import { defaultMetaLoss, metaLoss } from "./losses.js";
import { resolveMetric } from "./metric-slot.js";
import { hasRequiredLines } from "./required-lines.js";
import { type SlotSource, slotSource } from "./slot-source.js";
import { neededStages, storedSlot } from "./slots.js";
import { isNotTestSplit } from "./splits.js";
import { findLine } from "./stage-lines.js";
import { stageEma, stageOptimizer, stageSchedule, trainablePaths } from "./training.js";
import { withReports } from "./training-reports.js";
import { stageValidation } from "./validation.js";
import { resolveWeightFiles } from "./weight-files.js";

export function elaborateMeta(context: StageContext): ElaboratedStage {
  if (!hasRequiredLines(context, ["encoder", "metric", "episodes", "optimizer", "for"])) return notElaborated;
  const sources = metaSources(context);
  if (sources === undefined) return notElaborated;
  const { row, episodes, validation } = sources;
  const { task, given } = row;
  const posed = episodes.rows.map((each) => each.task);
  const encoder = resolveEncoder(sources.encoder, episodes.dataset, context);
  if (encoder === undefined || !haveOneSize(episodes, context)) return notElaborated;
  const fitSource = resolveFitSource(context);
  if (fitSource === reported) return { stage: undefined, slots: { encoder } };
  const tasks = validation === undefined || validation === reported ? posed : [...posed, validation.task];
  const request = {
    encoder: encoder.value,
    tasks: [...tasks, ...context.posed],
    described: episodes.dataset,
    base: fitSource,
  };
  const metric = resolveMetric(sources.metric, request, context);
  if (metric === undefined) return { stage: undefined, slots: { encoder } };
  const slots: StageSlots = { encoder, metric: { ...metric.slot, trained: true } };
  const trained = episodes.more.map(({ dataset, split }) => ({ dataset, span: split.span, of: "entries" as const }));
  const validated = validation === undefined || validation === reported ? [] : describedBy(validation, context);
  const based =
    fitSource === undefined ? [] : [{ dataset: fitSource.dataset, span: fitSource.split.span, of: "fits" as const }];
  if (!checkTables(metric.slot.value, episodes.dataset, [...trained, ...validated, ...based], context))
    return { stage: undefined, slots };
  const training = metaTraining(context, metric.slot.value, posed, trainablePaths({ encoder, metric: metric.slot }));
  const hasFitSource = checkFitSource(context, metric.slot, fitSource);
  const weights = resolveWeightFiles(context, slots);
  if (weights === undefined || training === undefined || validation === reported || !hasFitSource)
    return { stage: undefined, slots };
  const { id, decl } = context;
  const name = decl.name.text;
  const validating = validation === undefined ? undefined : metric.metrics[posed.length];
  const others = otherKinds(episodes, metric.metrics);
  const stage: MetaStage = {
    kind: "meta",
    id,
    name,
    span: decl.name.span,
    needs: neededStages(slots, entriesBorrow(metric.slot.value, trainedEntries(training.loss))),
    blockers: [
      ...weights.blockers,
      ...metricBlockers(metric.slot.value, name, sources.metric.span),
      ...fitBlockers(metric.slot, fitSource),
      ...trainingBlockers(metric.slot.value, encoder.value, training.loss, name),
    ],
    encoder: storedSlot(encoder, weights.files.encoder),
    metric: storedSlot(metric.slot, weights.files.metric),
    ...storedFitSource(metric.slot, fitSource),
    episodes: { task, split: episodes.split, ...(given === undefined ? {} : { given }) },
    ...(others.length === 0 ? {} : { others }),
    ...training,
    validate: validation === undefined || validating === undefined ? undefined : { ...validation, metric: validating },
  };
  const further = metric.metrics.slice(tasks.length);
  return { stage: withReports(stage, episodes.dataset, context), slots, posed: further };
}

/** Returns the kinds of episodes after the first: every task on every split. `metrics` has the metric for each task. */
function otherKinds(
  { rows, split, more }: EpisodeSource,
  metrics: readonly Metric[],
): NonNullable<MetaStage["others"]> {
  const splits = [split, ...more.map((other) => other.split)];
  return splits
    .flatMap((each) =>
      rows.flatMap(({ task }, i) => (metrics[i] === undefined ? [] : [{ task, split: each, metric: metrics[i] }])),
    )
    .slice(1);
}

/** Returns whether the images of all data sets have one size. Reports FSL5034 if they do not. */
function haveOneSize({ dataset, more }: EpisodeSource, { scope }: StageContext): boolean {
  const text = ({ name, image }: Dataset): string => `${name} (${image.channels} × ${image.height} × ${image.width})`;
  const size = ({ image }: Dataset): string => JSON.stringify(image);
  const other = more.find((each) => size(each.dataset) !== size(dataset));
  if (other === undefined) return true;
  scope.checker.report("FSL5034", other.split.span, { first: text(dataset), second: text(other.dataset) });
  return false;
}

/** Returns the data of a validation, whose classes the metric is told of too. */
function describedBy({ split }: Validation, { datasets }: StageContext): readonly AlsoDescribed[] {
  const dataset = datasets.typed[split.dataset];
  return dataset === undefined ? [] : [{ dataset, span: split.span, of: "classify" }];
}

interface MetaSources {
  readonly episodes: EpisodeSource;
  readonly row: TaskRow;
  readonly encoder: SlotSource;
  readonly metric: SlotSource;
  readonly validation: Validation | undefined | Reported;
}

/** Returns what the lines of the stage name, or undefined after a report. Reports FSL5002 for a number of episodes, which `for` says. */
function metaSources(context: StageContext): MetaSources | undefined {
  const written = findLine(context.lines, "episodes", "episodes");
  if (written === undefined) return undefined;
  const { line, scope } = written;
  const episodes = resolveTrainingEpisodes({ task: line.task, split: line.split, scope }, context);
  const encoder = slotSource(context, "encoder");
  const metric = slotSource(context, "metric");
  if (line.count !== undefined) {
    const holes = { kind: "meta stage", line: "episodes …, N episodes" };
    scope.checker.report("FSL5002", line.count.span, holes, { help: ["how many there are is said by `for`"] });
    return undefined;
  }
  const validation = stageValidation(context);
  const row = episodes?.rows[0];
  if (episodes === undefined || row === undefined || encoder === undefined || metric === undefined) return undefined;
  const trains = [episodes, ...episodes.more].every((from) => isNotTestSplit(from, "train on", context));
  return trains ? { episodes, row, encoder, metric, validation } : undefined;
}

type MetaTraining = Pick<MetaStage, "loss" | "optimizer" | "schedule" | "duration" | "ema">;

/** Returns how the stage trains these weights, or undefined after a report. */
function metaTraining(
  context: StageContext,
  metric: Metric,
  tasks: readonly Task[],
  paths: readonly string[],
): MetaTraining | undefined {
  const written = findLine(context.lines, "for", "for");
  const duration = written === undefined ? undefined : metaDuration(written.line, written.scope);
  const optimizer = stageOptimizer(context, paths);
  const ema = stageEma(context);
  const schedule = duration === undefined ? undefined : stageSchedule(context, duration);
  const loss = stageLoss(context, metric);
  if (duration === undefined || optimizer === undefined || schedule === undefined) return undefined;
  if (loss === undefined || ema === reported) return undefined;
  if (!checkQueriesByClass(context, metric, loss, tasks)) return undefined;
  return { loss, optimizer, schedule, duration, ...(ema === undefined ? {} : { ema }) };
}

/** Returns whether no entry of the loss takes the queries class by class while their numbers differ. Reports FSL5035 for the first one. */
function checkQueriesByClass(
  { scope, decl }: StageContext,
  metric: Metric,
  loss: Block,
  tasks: readonly Task[],
): boolean {
  if (tasks.every(({ dirichlet }) => dirichlet === undefined)) return true;
  const byClass = [...trainedEntries(loss)].find((name) =>
    metric.entries[name]?.params.some(({ axes }) => axes.some((axis) => axis.name === "query")),
  );
  if (byClass === undefined) return true;
  scope.checker.report("FSL5035", decl.name.span, { metric: metric.name, entry: byClass });
  return false;
}

function stageLoss({ lines, decl }: StageContext, metric: Metric): Block | undefined {
  const written = findLine(lines, "loss", "loss");
  return written === undefined ? defaultMetaLoss(decl.name.span) : metaLoss(written.line, metric, written.scope);
}
