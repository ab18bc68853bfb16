/** A `meta` stage: an encoder and a metric trained on episodes. */
import type { MetaStage } from "../../typed/tree.js";
import { reported } from "../core/reported.js";
import { metricBlockers, trainingBlockers } from "./blockers.js";
import {
  type ElaboratedStage,
  hasRequiredLines,
  neededStages,
  type StageContext,
  slotSource,
  stageEma,
  stageOptimizer,
  stageSchedule,
  storedSlot,
  trainablePaths,
} from "./context.js";
import { metaDuration } from "./duration.js";
import { isNotTestSplit, resolveEpisodes, stageValidation } from "./episode-source.js";
import { checkFitSource, fitBlockers, resolveFitSource, storedFitSource } from "./fit-source.js";
import { defaultMetaLoss, metaLoss } from "./losses.js";
import { resolveEncoder, resolveMetric, type StageSlots } from "./slots.js";
import { findLine } from "./stage-lines.js";
import { resolveWeightFiles } from "./weight-files.js";

export function elaborateMeta(context: StageContext): ElaboratedStage {
  const { lines, decl, stages, id, datasets } = context;
  if (!hasRequiredLines(context, ["encoder", "metric", "episodes", "optimizer", "for"]))
    return { stage: undefined, slots: {} };
  const episodesLine = findLine(lines, "episodes", "episodes");
  const from =
    episodesLine === undefined
      ? undefined
      : resolveEpisodes(episodesLine.line.task, episodesLine.line.split, episodesLine.scope, datasets, true);
  const task = from?.rows[0]?.task;
  const encoderFill = slotSource(context, "encoder");
  const metricFill = slotSource(context, "metric");
  if (episodesLine?.line.count !== undefined) {
    episodesLine.scope.checker.report(
      "FSL5002",
      episodesLine.line.count.span,
      { kind: "meta stage", line: "episodes …, N episodes" },
      {
        help: ["how many there are is said by `for`"],
      },
    );
    return { stage: undefined, slots: {} };
  }
  const checkedValidation = stageValidation(context);
  if (from === undefined || task === undefined || encoderFill === undefined || metricFill === undefined)
    return { stage: undefined, slots: {} };
  if (!isNotTestSplit(from, "train on", context)) return { stage: undefined, slots: {} };
  const encoder = resolveEncoder(encoderFill, from.dataset, decl.name.text, stages);
  if (encoder === undefined) return { stage: undefined, slots: {} };
  const tasks =
    checkedValidation === undefined || checkedValidation === reported
      ? [task]
      : [task, checkedValidation.validation.task];
  const fitting = resolveFitSource(context);
  if (fitting === reported) return { stage: undefined, slots: { encoder } };
  const metric = resolveMetric(
    metricFill,
    { encoder: encoder.value, tasks, stage: decl.name.text, broken: context.broken, items: fitting?.items },
    stages,
  );
  if (metric === undefined) return { stage: undefined, slots: { encoder } };
  const slots: StageSlots = { encoder, metric: { ...metric.slot, trained: true } };
  const forLine = findLine(lines, "for", "for");
  const duration = forLine === undefined ? undefined : metaDuration(forLine.line, forLine.scope);
  const optimizer = stageOptimizer(context, trainablePaths({ encoder, metric: metric.slot }));
  const ema = stageEma(context);
  const schedule = duration === undefined ? undefined : stageSchedule(context, duration);
  const written = findLine(lines, "loss", "loss");
  const span = decl.name.span;
  const loss = written === undefined ? defaultMetaLoss(span) : metaLoss(written.line, metric.slot.value, written.scope);
  const fits = checkFitSource(context, metric.slot, fitting);
  const files = resolveWeightFiles(context, slots);
  if (
    files === undefined ||
    duration === undefined ||
    optimizer === undefined ||
    schedule === undefined ||
    loss === undefined ||
    checkedValidation === reported ||
    ema === reported ||
    !fits
  ) {
    return { stage: undefined, slots };
  }
  const at = metricFill.span;
  const validating = metric.metrics[1];
  const blockers = [
    ...metricBlockers(metric.slot.value, decl.name.text, at),
    ...fitBlockers(metric.slot, fitting),
    ...trainingBlockers(metric.slot.value, encoder.value, loss, decl.name.text),
  ];
  const stage: MetaStage = {
    kind: "meta",
    id,
    name: decl.name.text,
    span,
    needs: neededStages(slots, loss),
    blockers,
    encoder: storedSlot(encoder, files.encoder),
    metric: storedSlot(metric.slot, files.metric),
    ...storedFitSource(metric.slot, fitting),
    episodes: { task, split: from.split },
    loss,
    optimizer,
    schedule,
    duration,
    ...(ema === undefined ? {} : { ema }),
    validate: checkedValidation && validating && { ...checkedValidation.validation, metric: validating },
  };
  return { stage, slots };
}
