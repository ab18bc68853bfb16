/** Elaborates a `pretrain` stage: an encoder and a head that are trained over the classes of a split. */
import type * as ast from "../../../../grammar/ast.js";
import { scoringBorrows } from "../../typed/borrows.js";
import type { Block, Blocker, Network, PretrainStage } from "../../typed/tree.js";
import { learnedName, walkExprs } from "../../typed/walk.js";
import { type Reported, reported } from "../core/reported.js";
import { createBlocker, loopBlockers } from "./blockers.js";
import { type ElaboratedStage, notElaborated, type StageContext, type StageSlots } from "./context.js";
import { pretrainDuration } from "./duration.js";
import { resolveEncoder } from "./encoder-slot.js";
import { checkFitSource } from "./fit-source.js";
import { resolveHead } from "./head-slot.js";
import { defaultPretrainLoss, type PretrainLoss, type PretrainLossContext, pretrainLoss } from "./losses.js";
import { checkTrained, resolveMetric } from "./metric-slot.js";
import { hasRequiredLines } from "./required-lines.js";
import { slotSource } from "./slot-source.js";
import { neededStages, storedSlot } from "./slots.js";
import { isNotTestSplit, type ResolvedSplit, resolveSplit } from "./splits.js";
import { findLine, learnLines, type ScopedLine } from "./stage-lines.js";
import { stageEma, stageOptimizer, stageSchedule, trainablePaths } from "./training.js";
import { withReports } from "./training-reports.js";
import { stageValidation } from "./validation.js";
import { stageViews } from "./views.js";
import { resolveWeightFiles } from "./weight-files.js";

/** Stands for the number of classes while the data are not available. It is a prime, so that nothing else has this size by chance. */
const unknownClasses = 97;

export function elaboratePretrain(context: StageContext): ElaboratedStage {
  if (!hasRequiredLines(context, ["data", "encoder", "head", "optimizer", "for"])) return notElaborated;
  const { id, decl } = context;
  const data = trainingData(context);
  if (data === undefined) return notElaborated;
  const { split, dataset, classes, images, labels } = data;
  const encoderSource = slotSource(context, "encoder");
  const encoder = encoderSource === undefined ? undefined : resolveEncoder(encoderSource, dataset, context);
  if (encoder === undefined) return notElaborated;
  const headSource = slotSource(context, "head");
  const headRequest = { encoder: encoder.value, classes, labels };
  const head = headSource === undefined ? undefined : resolveHead(headSource, headRequest, context);
  const slots: StageSlots = head === undefined ? { encoder } : { encoder, head };
  const forLine = findLine(context.lines, "for", "for");
  const duration = forLine === undefined ? undefined : pretrainDuration(forLine.line, images, forLine.scope);
  const schedule = duration === undefined ? undefined : stageSchedule(context, duration);
  const validate = pretrainValidation(context, encoder.value);
  if (head === undefined || duration === undefined) return { stage: undefined, slots };
  const views = stageViews(context);
  if (views === reported) return { stage: undefined, slots };
  const items = duration.perStep / (duration.parts ?? 1);
  const { span } = decl.name;
  const request = { encoder: encoder.value, head: head.value, items, views, classes, labels, dataset, span };
  const loss = stageLoss(request, context);
  if (loss === undefined) return { stage: undefined, slots };
  const optimizer = stageOptimizer(context, trainablePaths({ encoder, head, learns: loss.learns }));
  const ema = stageEma(context);
  const weights = resolveWeightFiles(context, slots);
  if (weights === undefined || optimizer === undefined || schedule === undefined) return { stage: undefined, slots };
  if (validate === reported || ema === reported) return { stage: undefined, slots };
  const metric = validate?.from === undefined ? {} : { metric: { from: validate.from } };
  const stage: PretrainStage = {
    kind: "pretrain",
    id,
    name: decl.name.text,
    span,
    needs: neededStages({ ...slots, ...metric }, [
      ...loss.borrows,
      ...(validate === undefined ? [] : scoringBorrows(validate.metric)),
    ]),
    blockers: [
      ...weights.blockers,
      ...loopBlockers(loss.block.statements, loss, encoder.value, decl.name.text),
      ...dataBlockers(data),
    ],
    data: split,
    ...(views === undefined ? {} : { views }),
    classes,
    encoder: storedSlot(encoder, weights.files.encoder),
    head: storedSlot(head, weights.files.head),
    learns: loss.learns,
    ...(loss.described.length > 0 ? { described: loss.described } : {}),
    loss: loss.block,
    borrows: loss.borrows,
    optimizer,
    schedule,
    duration,
    ...(ema === undefined ? {} : { ema }),
    validate,
  };
  return { stage: withReports(stage, dataset, context), slots };
}

interface TrainingData extends ResolvedSplit {
  readonly classes: number;
  /** The number of images, or undefined if the data are not available. */
  readonly images: number | undefined;
  /** The name of the classes: `birds.train`. */
  readonly labels: string;
}

/** Returns the split that the stage trains on, or undefined after a report. */
function trainingData(context: StageContext): TrainingData | undefined {
  const written = findLine(context.lines, "data", "data");
  const from = written === undefined ? undefined : resolveSplit(written.line.split, written.scope, context.datasets);
  if (from === undefined || !isNotTestSplit(from, "train on", context)) return undefined;
  const facts = from.dataset.facts?.splits[from.split.split];
  const labels = `${from.dataset.name}.${from.split.split}`;
  return { ...from, classes: facts?.classes ?? unknownClasses, images: facts?.images, labels };
}

function dataBlockers({ split, dataset, images }: TrainingData): Blocker[] {
  if (images !== undefined) return [];
  const what = "the classes of the head and the steps of an epoch";
  return [createBlocker("FSL5109", split.span, { dataset: dataset.name, what })];
}

/** Returns how the stage validates. The metric of a `pretrain` only scores validation episodes, so each line needs the other. */
function pretrainValidation(context: StageContext, encoder: Network): PretrainStage["validate"] | Reported {
  const validation = stageValidation(context);
  const source = slotSource(context, "metric");
  const { scope, decl, lines } = context;
  const missing = (line: string, span: ast.Span, help: string): Reported => {
    scope.checker.report("FSL5001", span, { kind: "pretrain", stage: decl.name.text, line }, { help: [help] });
    return reported;
  };
  if (validation === reported) return reported;
  if (validation === undefined) {
    if (!lines.has("metric")) return undefined;
    const span = findLine(lines, "metric", "slot")?.line.span ?? decl.name.span;
    return missing("validate", span, "in a `pretrain`, the metric is what `validate` scores with");
  }
  if (!lines.has("metric") || source === undefined) {
    const help = "`validate` poses episodes, and the metric classifies them: `metric prototypes`";
    return missing("metric", decl.name.span, help);
  }
  const described = context.datasets.typed[validation.split.dataset];
  if (described === undefined) return reported;
  const metric = resolveMetric(source, { encoder, tasks: [validation.task], described }, context);
  if (metric === undefined || !checkTrained(metric.slot, source, context)) return reported;
  if (!checkFitSource(context, metric.slot, undefined)) return reported;
  const { value, from } = metric.slot;
  return { ...validation, metric: value, ...(from === undefined ? {} : { from }) };
}

/** Returns the loss with the values that it learns, or undefined after a report. */
function stageLoss(request: PretrainLossContext, context: StageContext): PretrainLoss | undefined {
  const written = findLine(context.lines, "loss", "loss");
  const learned = checkedLearnLines(context);
  const loss =
    written === undefined
      ? { block: defaultPretrainLoss(request), borrows: [], learns: [], described: [] }
      : pretrainLoss(written.line, request, learned ?? [], written.scope);
  if (loss === undefined || learned === undefined) return undefined;
  warnAboutUnreadValues(learned, loss.block, context);
  return loss;
}

/** Returns the `learn` lines, or undefined after it has reported one with `like`, which only a metric can have. */
function checkedLearnLines({ lines }: StageContext): readonly ScopedLine<ast.LearnDecl>[] | undefined {
  const written = learnLines(lines);
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

/** Warns (FSL2007) of learned values that the loss never reads, unless their names begin with `_`. */
function warnAboutUnreadValues(
  learned: readonly ScopedLine<ast.LearnDecl>[],
  loss: Block,
  { scope }: StageContext,
): void {
  const read = new Set<string | undefined>();
  walkExprs(loss, (expr) => read.add(learnedName(expr)));
  for (const { text, span } of learned.flatMap(({ line }) => line.names))
    if (!read.has(text) && !text.startsWith("_")) scope.checker.report("FSL2007", span, { name: text });
}
