/** An `evaluate` stage: one row per task, the images embedded once where that is the same (rule 12). */

import { suggest } from "../../../common/did-you-mean.js";
import { reportText } from "../../typed/describe.js";
import type { EvaluateRow, EvaluateStage, Metric, Report, Task } from "../../typed/tree.js";
import { reported } from "../core/reported.js";
import { metricBlockers } from "./blockers.js";
import {
  type ElaboratedStage,
  hasRequiredLines,
  neededStages,
  type StageContext,
  slotSource,
  storedSlot,
} from "./context.js";
import { episodeCount, resolveEpisodes } from "./episode-source.js";
import { checkFitSource, checkTrained, fitBlockers, resolveFitSource, storedFitSource } from "./fit-source.js";
import { resolveEncoder, resolveMetric, type StageSlots } from "./slots.js";
import { findLine } from "./stage-lines.js";
import { resolveWeightFiles, startsFromFile } from "./weight-files.js";

export function elaborateEvaluate(context: StageContext): ElaboratedStage {
  const { lines, decl, stages, id, datasets, scope } = context;
  if (!hasRequiredLines(context, ["encoder", "metric", "episodes"])) return { stage: undefined, slots: {} };
  const episodesLine = findLine(lines, "episodes", "episodes");
  const encoderFill = slotSource(context, "encoder");
  const metricFill = slotSource(context, "metric");
  if (episodesLine === undefined) return { stage: undefined, slots: {} };
  const from = resolveEpisodes(episodesLine.line.task, episodesLine.line.split, episodesLine.scope, datasets, false);
  const count = episodeCount(episodesLine.line.count, 600, episodesLine.scope);
  if (from === undefined || count === undefined || encoderFill === undefined || metricFill === undefined)
    return { stage: undefined, slots: {} };
  const { count: counted } = episodesLine.line;
  if (counted !== undefined && from.rows[0]?.given !== undefined) {
    const why = "it says itself how many episodes there are";
    scope.checker.report(
      "FSL5060",
      counted.span,
      { path: from.rows[0].given.list.path, why },
      { help: ["leave the count out"] },
    );
    return { stage: undefined, slots: {} };
  }
  const encoder = resolveEncoder(encoderFill, from.dataset, decl.name.text, stages);
  if (encoder === undefined) return { stage: undefined, slots: {} };
  const trains = encoder.value.weights.some((weight) => weight.trainable);
  if (
    trains &&
    encoder.from === undefined &&
    encoderFill.line?.untrained !== true &&
    !startsFromFile(context, "encoder")
  ) {
    scope.checker.report(
      "FSL5012",
      encoderFill.span,
      { slot: "encoder", name: encoder.value.name, stage: decl.name.text, names: "all its weights" },
      {
        help: [
          "take a stage's: `encoder STAGE.encoder`",
          'or a file\'s: `init encoder from "FILE.safetensors"`',
          "if fresh weights are meant: `encoder untrained …`",
        ],
      },
    );
    return { stage: undefined, slots: { encoder } };
  }
  const tasks: Task[] = from.rows.map((row) => row.task);
  const fitting = resolveFitSource(context);
  if (fitting === reported) return { stage: undefined, slots: { encoder } };
  const metric = resolveMetric(
    metricFill,
    { encoder: encoder.value, tasks, stage: decl.name.text, broken: context.broken, items: fitting?.items },
    stages,
  );
  if (metric === undefined) return { stage: undefined, slots: { encoder } };
  const slots: StageSlots = { encoder, metric: metric.slot };
  const report = elaborateReports(context, tasks);
  const files = resolveWeightFiles(context, slots);
  if (files === undefined) return { stage: undefined, slots };
  if (
    !checkTrained(metric.slot, metricFill, context) ||
    report === undefined ||
    !checkFitSource(context, metric.slot, fitting)
  )
    return { stage: undefined, slots };
  const rows: EvaluateRow[] = from.rows.flatMap((row, at) => {
    const typed = metric.metrics[at];
    return typed === undefined
      ? []
      : [
          {
            label: row.label,
            task: row.task,
            split: from.split,
            episodes: row.given?.episodes ?? count,
            ...(row.given === undefined ? {} : { given: row.given.list }),
            metric: typed,
          },
        ];
  });
  const stage: EvaluateStage = {
    kind: "evaluate",
    id,
    name: decl.name.text,
    span: decl.name.span,
    needs: neededStages(slots, undefined),
    blockers: [
      ...metricBlockers(metric.slot.value, decl.name.text, metricFill.span),
      ...fitBlockers(metric.slot, fitting),
    ],
    encoder: storedSlot(encoder, files.encoder),
    metric: storedSlot(metric.slot, files.metric),
    ...storedFitSource(metric.slot, fitting),
    rows,
    report,
    embedOnce: embedOnce(metric.slot.value),
  };
  return { stage, slots };
}

/** Rule 12: images may be embedded once unless the method embeds them itself. */
function embedOnce(metric: Metric): EvaluateStage["embedOnce"] {
  const entry = metric.entries["classify"];
  const own = entry?.params.find((param) => param.form === "encoder" || param.form === "image");
  return own === undefined
    ? { legal: true }
    : { legal: false, why: `\`${metric.name}\` embeds its images itself (it takes \`${own.name}\`)` };
}

const reportable = [
  "accuracy",
  "accuracy_disjoint",
  "confusion",
  "per_class",
  "logits",
  "logits_json",
  "episodes",
] as const;

function elaborateReports(context: StageContext, tasks: readonly Task[]): readonly Report[] | undefined {
  const written = findLine(context.lines, "report", "report");
  if (written === undefined) return [{ kind: "accuracy" }];
  const { checker } = written.scope;
  const found: Report[] = [];
  let complete = true;
  for (const item of written.line.items) {
    const named = item.kind === "call" ? item.callee : item;
    const name = named.kind === "ref" ? named.text : "this";
    const isWord = named === item; // `top(2)` is no report, whatever it is called.
    const plain = isWord ? reportable.find((word) => word === name) : undefined;
    const top = isWord ? /^top(\d+)$/.exec(name)?.[1] : undefined;
    if (plain !== undefined) found.push({ kind: plain });
    else if (top !== undefined) {
      const k = Number(top);
      const narrow = tasks.find((task) => k >= task.way);
      if (narrow === undefined && k > 0) found.push({ kind: "top", k });
      else {
        checker.report("FSL5016", item.span, { k, way: `${narrow?.way ?? 0} ways` });
        complete = false;
      }
    } else if (item.kind !== "error") {
      checker.report("FSL5017", item.span, { name }, { help: suggest(name, [...reportable, "top2"]) });
      complete = false;
    } else complete = false;
  }
  if (!complete) return undefined;
  // What is asked for twice is reported once.
  return found.filter((item, i) => found.findIndex((other) => reportText(other) === reportText(item)) === i);
}
