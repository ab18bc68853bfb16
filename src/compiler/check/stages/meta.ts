/** A `meta` stage: an encoder and a metric trained on episodes. */
import type { MetaStage } from "../../typed/tree.js";
import { metricBlockers, trainingBlockers } from "./blockers.js";
import {
  bare,
  type Elaborated,
  emaOf,
  filled,
  needsOf,
  optimizerOf,
  required,
  type StageContext,
  scheduleOf,
  trainable,
} from "./context.js";
import { metaDuration } from "./duration.js";
import { drawn, notTest, validation } from "./episodes.js";
import { slotFiles } from "./init.js";
import { lineOf } from "./lines.js";
import { defaultMetaLoss, metaLoss } from "./losses.js";
import { fillEncoder, fillMetric, type Slots } from "./slots.js";
import { fitBlockers, fitOf, fitSource, fitsFrom } from "./trained.js";

export function meta(context: StageContext): Elaborated {
  const { lines, decl, stages, id, datasets } = context;
  if (!required(context, ["encoder", "metric", "episodes", "optimizer", "for"])) return { stage: undefined, slots: {} };
  const episodesLine = lineOf(lines, "episodes", "episodes");
  const from =
    episodesLine === undefined
      ? undefined
      : drawn(episodesLine.line.task, episodesLine.line.split, episodesLine.scope, datasets, true);
  const task = from?.rows[0]?.task;
  const encoderFill = filled(context, "encoder");
  const metricFill = filled(context, "metric");
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
  const checkedValidation = validation(context);
  if (from === undefined || task === undefined || encoderFill === undefined || metricFill === undefined)
    return { stage: undefined, slots: {} };
  if (!notTest(from, "train on", context)) return { stage: undefined, slots: {} };
  const encoder = fillEncoder(encoderFill, from.dataset, decl.name.text, stages);
  if (encoder === undefined) return { stage: undefined, slots: {} };
  const tasks =
    checkedValidation === undefined || checkedValidation === "wrong"
      ? [task]
      : [task, checkedValidation.validation.task];
  const fitting = fitSource(context);
  if (fitting === "wrong") return { stage: undefined, slots: { encoder } };
  const metric = fillMetric(
    metricFill,
    { encoder: encoder.value, tasks, stage: decl.name.text, broken: context.broken, items: fitting?.items },
    stages,
  );
  if (metric === undefined) return { stage: undefined, slots: { encoder } };
  const slots: Slots = { encoder, metric: { ...metric.slot, trained: true } };
  const forLine = lineOf(lines, "for", "for");
  const duration = forLine === undefined ? undefined : metaDuration(forLine.line, forLine.scope);
  const optimizer = optimizerOf(context, trainable({ encoder, metric: metric.slot }));
  const ema = emaOf(context);
  const schedule = duration === undefined ? undefined : scheduleOf(context, duration);
  const written = lineOf(lines, "loss", "loss");
  const span = decl.name.span;
  const loss = written === undefined ? defaultMetaLoss(span) : metaLoss(written.line, metric.slot.value, written.scope);
  const fits = fitsFrom(context, metric.slot, fitting);
  const files = slotFiles(context, slots);
  if (
    files === undefined ||
    duration === undefined ||
    optimizer === undefined ||
    schedule === undefined ||
    loss === undefined ||
    checkedValidation === "wrong" ||
    ema === "wrong" ||
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
    needs: needsOf(slots, loss),
    blockers,
    encoder: bare(encoder, files.encoder),
    metric: bare(metric.slot, files.metric),
    ...fitOf(metric.slot, fitting),
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
