/** An `evaluate` stage: one row per task, the images embedded once where that is the same (rule 12). */

import { reportText } from "../../typed/describe.js";
import type { EvaluateRow, EvaluateStage, Metric, Report, Task } from "../../typed/tree.js";
import { suggest } from "../core/checker.js";
import { metricBlockers } from "./blockers.js";
import { bare, type Elaborated, filled, needsOf, required, type StageContext } from "./context.js";
import { drawn, episodesCount } from "./episodes.js";
import { slotFiles, startsFromFile } from "./init.js";
import { lineOf } from "./lines.js";
import { fillEncoder, fillMetric, type Slots } from "./slots.js";
import { fitBlockers, fitOf, fitSource, fitsFrom, hasTrained } from "./trained.js";

export function evaluation(context: StageContext): Elaborated {
  const { lines, decl, stages, id, datasets, scope } = context;
  if (!required(context, ["encoder", "metric", "episodes"])) return { stage: undefined, slots: {} };
  const episodesLine = lineOf(lines, "episodes", "episodes");
  const encoderFill = filled(context, "encoder");
  const metricFill = filled(context, "metric");
  if (episodesLine === undefined) return { stage: undefined, slots: {} };
  const from = drawn(episodesLine.line.task, episodesLine.line.split, episodesLine.scope, datasets, false);
  const count = episodesCount(episodesLine.line.count, 600, episodesLine.scope);
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
  const encoder = fillEncoder(encoderFill, from.dataset, decl.name.text, stages);
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
  const fitting = fitSource(context);
  if (fitting === "wrong") return { stage: undefined, slots: { encoder } };
  const metric = fillMetric(
    metricFill,
    { encoder: encoder.value, tasks, stage: decl.name.text, broken: context.broken, items: fitting?.items },
    stages,
  );
  if (metric === undefined) return { stage: undefined, slots: { encoder } };
  const slots: Slots = { encoder, metric: metric.slot };
  const report = reports(context, tasks);
  const files = slotFiles(context, slots);
  if (files === undefined) return { stage: undefined, slots };
  if (!hasTrained(metric.slot, metricFill, context) || report === undefined || !fitsFrom(context, metric.slot, fitting))
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
    needs: needsOf(slots, undefined),
    blockers: [
      ...metricBlockers(metric.slot.value, decl.name.text, metricFill.span),
      ...fitBlockers(metric.slot, fitting),
    ],
    encoder: bare(encoder, files.encoder),
    metric: bare(metric.slot, files.metric),
    ...fitOf(metric.slot, fitting),
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

function reports(context: StageContext, tasks: readonly Task[]): readonly Report[] | undefined {
  const written = lineOf(context.lines, "report", "report");
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
