/** A `pretrain` stage: an encoder and a head over the classes of a split (rule 25). */
import type * as ast from "../../../../grammar/ast.js";
import type { Block, Network, PretrainStage } from "../../typed/tree.js";
import { learnedName, walkExprs } from "../../typed/walk.js";
import { type Reported, reported } from "../core/reported.js";
import { createBlocker, loopBlockers } from "./blockers.js";
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
import { pretrainDuration } from "./duration.js";
import { isNotTestSplit, resolveSplit, stageValidation } from "./episode-source.js";
import { checkFitSource, checkTrained } from "./fit-source.js";
import { defaultPretrainLoss, pretrainLoss } from "./losses.js";
import { resolveEncoder, resolveHead, resolveMetric, type StageSlots } from "./slots.js";
import { findLine, learnLines, type ScopedLine } from "./stage-lines.js";
import { resolveWeightFiles } from "./weight-files.js";

/** Classes while the data are not here: a prime, so that nothing else has this size by chance. */
const unknownClasses = 97;

export function elaboratePretrain(context: StageContext): ElaboratedStage {
  const { lines, decl, stages, id, datasets } = context;
  if (!hasRequiredLines(context, ["data", "encoder", "head", "optimizer", "for"]))
    return { stage: undefined, slots: {} };
  const dataLine = findLine(lines, "data", "data");
  const from = dataLine === undefined ? undefined : resolveSplit(dataLine.line.split, dataLine.scope, datasets);
  if (from === undefined || !isNotTestSplit(from, "train on", context)) return { stage: undefined, slots: {} };
  const { split, dataset } = from;
  const facts = dataset.facts?.splits[split.split];
  const classes = facts?.classes ?? unknownClasses;
  const labels = `${dataset.name}.${split.split}`;
  const encoderFill = slotSource(context, "encoder");
  const encoder = encoderFill === undefined ? undefined : resolveEncoder(encoderFill, dataset, decl.name.text, stages);
  if (encoder === undefined) return { stage: undefined, slots: {} };
  const headFill = slotSource(context, "head");
  const head =
    headFill === undefined
      ? undefined
      : resolveHead(headFill, { encoder: encoder.value, classes, labels, stage: decl.name.text }, stages);
  const slots: StageSlots = head === undefined ? { encoder } : { encoder, head };
  const forLine = findLine(lines, "for", "for");
  const duration = forLine === undefined ? undefined : pretrainDuration(forLine.line, facts?.images, forLine.scope);
  const schedule = duration === undefined ? undefined : stageSchedule(context, duration);
  const validate = pretrainValidation(context, encoder.value);
  if (head === undefined || duration === undefined) return { stage: undefined, slots };
  const lossContext = {
    stage: id,
    encoder: encoder.value,
    head: head.value,
    items: duration.perStep / (duration.parts ?? 1),
    classes,
    labels,
    span: decl.name.span,
  };
  const written = findLine(lines, "loss", "loss");
  const learned = learnedOf(context);
  const loss =
    written === undefined
      ? { block: defaultPretrainLoss(lossContext), learns: [] }
      : pretrainLoss(written.line, lossContext, learned, written.scope);
  if (loss === undefined || learned === undefined) return { stage: undefined, slots };
  unused(learned, loss.block, context);
  const { learns } = loss;
  const optimizer = stageOptimizer(context, trainablePaths({ encoder, head, learns }));
  const ema = stageEma(context);
  const files = resolveWeightFiles(context, slots);
  if (
    files === undefined ||
    optimizer === undefined ||
    schedule === undefined ||
    validate === reported ||
    ema === reported
  )
    return { stage: undefined, slots };
  const span = decl.name.span;
  const blockers = loopBlockers(loss.block.statements, loss, encoder.value, decl.name.text);
  if (facts === undefined)
    blockers.push(
      createBlocker("FSL5109", split.span, {
        dataset: dataset.name,
        what: "the classes of the head and the steps of an epoch",
      }),
    );
  const stage: PretrainStage = {
    kind: "pretrain",
    id,
    name: decl.name.text,
    span,
    needs: neededStages(
      { ...slots, ...(validate?.from !== undefined ? { metric: { from: validate.from } } : {}) },
      loss.block,
    ),
    blockers,
    data: split,
    classes,
    encoder: storedSlot(encoder, files.encoder),
    head: storedSlot(head, files.head),
    learns,
    loss: loss.block,
    optimizer,
    schedule,
    duration,
    ...(ema === undefined ? {} : { ema }),
    validate,
  };
  return { stage, slots };
}

function pretrainValidation(context: StageContext, encoder: Network): PretrainStage["validate"] | Reported {
  const checked = stageValidation(context);
  const metricFill = slotSource(context, "metric");
  const { scope, decl, lines } = context;
  const hasMetric = lines.has("metric");
  if (checked === undefined || checked === reported) {
    if (hasMetric && checked === undefined) {
      const line = findLine(lines, "metric", "slot");
      scope.checker.report(
        "FSL5001",
        line?.line.span ?? decl.name.span,
        { kind: "pretrain", stage: decl.name.text, line: "validate" },
        {
          help: ["in a `pretrain`, the metric is what `validate` scores with"],
        },
      );
      return reported;
    }
    return checked;
  }
  if (!hasMetric || metricFill === undefined) {
    scope.checker.report(
      "FSL5001",
      decl.name.span,
      { kind: "pretrain", stage: decl.name.text, line: "metric" },
      {
        help: ["`validate` poses episodes, and the metric classifies them: `metric prototypes`"],
      },
    );
    return reported;
  }
  const { task } = checked.validation;
  const metric = resolveMetric(
    metricFill,
    { encoder, tasks: [task], stage: decl.name.text, broken: context.broken },
    context.stages,
  );
  if (metric === undefined || !checkTrained(metric.slot, metricFill, context)) return reported;
  if (!checkFitSource(context, metric.slot, undefined)) return reported;
  const { value, from } = metric.slot;
  return { ...checked.validation, metric: value, ...(from === undefined ? {} : { from }) };
}

/** The `learn` lines; undefined where one cannot be of a loss (and was reported). */
function learnedOf(context: StageContext): readonly ScopedLine<ast.LearnDecl>[] | undefined {
  const written = learnLines(context.lines);
  const like = written.find(({ line }) => line.like.length > 0);
  if (like === undefined) return written;
  like.scope.checker.report(
    "FSL2019",
    like.line.like[0]?.span ?? like.line.span,
    { needed: "a number or a module", found: "values like the weights of a network" },
    { help: ["they are the rates of a `minimize`, in a metric"] },
  );
  return undefined;
}

/** Warns of learned values that the loss never reads. */
function unused(learned: readonly ScopedLine<ast.LearnDecl>[], loss: Block, context: StageContext): void {
  const read = new Set<string | undefined>();
  walkExprs(loss, (expr) => read.add(learnedName(expr)));
  for (const name of learned.flatMap(({ line }) => line.names))
    if (!read.has(name.text) && !name.text.startsWith("_"))
      context.scope.checker.report("FSL2007", name.span, { name: name.text });
}
