/** Stages typed: pretrain, meta and evaluate (rules 23 to 27). */
import type * as ast from "../../../grammar/ast.js";
import type {
  Dataset,
  EvaluateRow,
  EvaluateStage,
  MetaStage,
  Metric,
  Network,
  PretrainStage,
  Report,
  Schedule,
  Slot,
  SplitRef,
  Stage,
  Task,
  Validation,
} from "../typed.js";
import { blocker, metaLossBlockers, metricBlockers, nodes, pretrainLossBlockers } from "./blockers.js";
import { suggest } from "./checker.js";
import { type Datasets, splitRef } from "./datasets.js";
import { elaborateSchedule, metaDuration, pretrainDuration } from "./duration.js";
import { evaluate } from "./evaluate.js";
import { type Lines, lineOf } from "./lines.js";
import { defaultMetaLoss, defaultPretrainLoss, metaLoss, pretrainLoss } from "./losses.js";
import { elaborateOptimizer } from "./optimizer.js";
import type { Scope } from "./scope.js";
import { type Filled, fillEncoder, fillHead, fillMetric, type MetricSlot, type Slots, type Stages } from "./slots.js";
import { elaborateTasks, type TaskRow, taskFits } from "./tasks.js";
import { describe } from "./values.js";

export interface StageContext {
  readonly id: string;
  readonly decl: ast.StageDecl;
  readonly scope: Scope;
  readonly lines: Lines;
  readonly datasets: Datasets;
  readonly stages: Stages;
  /** Metrics whose declarations are wrong in themselves. */
  readonly broken: ReadonlySet<ast.MetricDecl>;
}
export interface Elaborated {
  readonly stage: Stage | undefined;
  readonly slots: Slots;
}

/** Classes while the data are not here: a prime, so that nothing else has this size by chance. */
const unknownClasses = 97;

function required(context: StageContext, words: readonly string[]): boolean {
  const { decl, scope, lines } = context;
  const slots = ["encoder", "head", "metric"];
  const missing = words.filter((word) => !lines.has(word) && !(slots.includes(word) && lines.has("of")));
  for (const line of missing) {
    scope.checker.report(
      "FSL5001",
      decl.name.span,
      { kind: decl.stage, stage: decl.name.text, line },
      { help: [`for example \`${usage[line] ?? line}\``] },
    );
  }
  return missing.length === 0;
}
const usage: Readonly<Record<string, string>> = {
  data: "data birds.train",
  encoder: "encoder conv64",
  head: "head linear(class)",
  metric: "metric prototypes",
  episodes: "episodes task from birds.test, 2000 episodes",
  optimizer: "optimizer sgd(lr: 0.1)",
  for: "for 100 epochs of 500 episodes, 4 episodes per step",
};

function filled(context: StageContext, slot: "encoder" | "head" | "metric"): Filled | undefined {
  const written = lineOf(context.lines, slot, "slot");
  if (written !== undefined)
    return { line: written.line, from: undefined, span: written.line.span, scope: written.scope };
  const of = lineOf(context.lines, "of", "of");
  if (of === undefined) return undefined;
  const { stage } = of.line;
  const value = of.scope.lookup(stage.text);
  const { checker } = of.scope;
  if (value?.kind !== "stage") {
    if (value === undefined)
      checker.report("FSL2001", stage.span, { name: stage.text }, { help: suggest(stage.text, of.scope.names()) });
    else if (value.kind !== "anything")
      checker.report("FSL2019", stage.span, { needed: "a stage", found: describe(value) });
    return undefined;
  }
  return {
    line: undefined,
    from: { kind: "stageSlot", stage: value.id, slot, span: of.line.span },
    span: of.line.span,
    scope: of.scope,
  };
}

interface Drawn {
  readonly rows: readonly TaskRow[];
  readonly split: SplitRef;
  readonly dataset: Dataset;
  readonly span: ast.Span;
}

function splitOf(expr: ast.Expr, scope: Scope, datasets: Datasets): { split: SplitRef; dataset: Dataset } | undefined {
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind !== "split") {
    const help = value.kind === "dataset" ? [`\`${value.decl.name.text}.train\`, \`.val\` or \`.test\``] : [];
    scope.checker.report("FSL2019", expr.span, { needed: "a split of a dataset", found: describe(value) }, { help });
    return undefined;
  }
  const dataset = datasets.of(value.dataset, expr.span);
  if (dataset === undefined) return undefined;
  const split = splitRef({ ...value, span: expr.span }, dataset, scope.checker);
  return split === undefined ? undefined : { split, dataset };
}

function drawn(task: ast.Expr, split: ast.Expr, scope: Scope, datasets: Datasets, onlyOne: boolean): Drawn | undefined {
  const { checker } = scope;
  const value = evaluate(task, scope);
  const from = splitOf(split, scope, datasets);
  if (value.kind === "anything") return undefined;
  if (value.kind !== "episode") {
    checker.report("FSL2019", task.span, { needed: "an episode", found: describe(value) });
    return undefined;
  }
  const rows = elaborateTasks(value, task.span);
  if (rows === undefined || from === undefined) return undefined;
  if (onlyOne && value.each !== undefined) {
    checker.report("FSL5027", task.span, { what: "a training stage has one task, and `each` makes several" });
    return undefined;
  }
  const fits = rows.map((row) =>
    taskFits(row.task, from.split, from.dataset, { task: task.span, declared: value.decl.name.span }, checker),
  );
  return fits.every(Boolean) ? { rows, ...from, span: task.span } : undefined;
}

function episodesCount(expr: ast.Expr | undefined, otherwise: number, scope: Scope): number | undefined {
  if (expr === undefined) return otherwise;
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind !== "int" || value.unit !== "episode") {
    scope.checker.report("FSL3010", expr.span, {
      what: "how many there are",
      expected: "episodes",
      found: describe(value),
    });
    return undefined;
  }
  if (value.value < 2) {
    scope.checker.report("FSL5008", expr.span, {
      what: "the number of episodes",
      range: "at least 2 (an interval needs two)",
      found: value.value,
    });
    return undefined;
  }
  return value.value;
}

function notTest(
  { split, dataset }: { split: SplitRef; dataset: Dataset },
  use: string,
  context: StageContext,
): boolean {
  if (split.split !== "test") return true;
  const { scope, decl } = context;
  scope.checker.report("FSL5024", split.span, { kind: decl.stage, use, split: `${dataset.name}.test` });
  return false;
}

function validation(context: StageContext): { validation: Validation; dataset: Dataset } | undefined | "wrong" {
  const written = lineOf(context.lines, "validate", "validate");
  if (written === undefined) return undefined;
  const { line, scope } = written;
  const from = drawn(line.task, line.split, scope, context.datasets, true);
  const episodes = episodesCount(line.count, 600, scope);
  const every = line.every === undefined ? undefined : evaluate(line.every, scope);
  let everyEpochs = 1;
  if (every !== undefined && every.kind !== "anything") {
    if (every.kind !== "int" || every.unit !== "epoch" || every.value < 1) {
      scope.checker.report("FSL3010", line.every?.span ?? line.span, {
        what: "how often to validate",
        expected: "epochs",
        found: describe(every),
      });
      return "wrong";
    }
    everyEpochs = every.value;
  }
  const row = from?.rows[0];
  if (from === undefined || row === undefined || episodes === undefined) return "wrong";
  if (!notTest(from, "validate on", context)) return "wrong";
  const typed: Validation = { task: row.task, split: from.split, episodes, everyEpochs, keepBest: line.keepBest };
  return { validation: typed, dataset: from.dataset };
}

/** Slot paths of the weights that a stage trains. */
function trainable(slots: {
  readonly encoder?: Slot<Network>;
  readonly head?: Slot<Network>;
  readonly metric?: Slot<Metric>;
}): string[] {
  const network = (slot: string, value: Slot<Network> | undefined): string[] =>
    value === undefined || value.frozen
      ? []
      : value.value.weights.filter((weight) => weight.trainable).map((weight) => `${slot}.${weight.path}`);
  const metric =
    slots.metric === undefined || slots.metric.frozen
      ? []
      : slots.metric.value.learns.flatMap((learn) =>
          learn.kind === "module"
            ? learn.network.weights
                .filter((weight) => weight.trainable)
                .map((weight) => `metric.${learn.name}.${weight.path}`)
            : [`metric.${learn.name}`],
        );
  return [...network("encoder", slots.encoder), ...network("head", slots.head), ...metric];
}

function bare<T>(slot: Slot<T>): Slot<T> {
  return { value: slot.value, from: slot.from, frozen: slot.frozen, span: slot.span };
}

function needsOf(slots: Slots, tree: unknown): string[] {
  const needs = new Set<string>();
  for (const slot of [slots.encoder, slots.head, slots.metric])
    if (slot?.from !== undefined) needs.add(slot.from.stage);
  for (const node of nodes(tree)) {
    const target =
      node["k"] === "apply" ? (node["target"] as { readonly kind: string; readonly stage?: string }) : undefined;
    if (target?.kind === "stage" && target.stage !== undefined) needs.add(target.stage);
  }
  return [...needs];
}

function scheduleOf(context: StageContext, duration: Parameters<typeof elaborateSchedule>[1]): Schedule | undefined {
  const written = lineOf(context.lines, "schedule", "schedule");
  if (written === undefined) return { kind: "constant", warmup: 0 };
  return elaborateSchedule(written.line.value, duration, written.scope);
}

export function elaborateStage(context: StageContext): Elaborated {
  switch (context.decl.stage) {
    case "pretrain":
      return pretrain(context);
    case "meta":
      return meta(context);
    case "evaluate":
      return evaluation(context);
  }
}

function pretrain(context: StageContext): Elaborated {
  const { lines, decl, stages, id, datasets } = context;
  if (!required(context, ["data", "encoder", "head", "optimizer", "for"])) return { stage: undefined, slots: {} };
  const dataLine = lineOf(lines, "data", "data");
  const from = dataLine === undefined ? undefined : splitOf(dataLine.line.split, dataLine.scope, datasets);
  if (from === undefined || !notTest(from, "train on", context)) return { stage: undefined, slots: {} };
  const { split, dataset } = from;
  const facts = dataset.facts?.splits[split.split];
  const classes = facts?.classes ?? unknownClasses;
  const labels = `${dataset.name}.${split.split}`;
  const encoderFill = filled(context, "encoder");
  const encoder = encoderFill === undefined ? undefined : fillEncoder(encoderFill, dataset, decl.name.text, stages);
  if (encoder === undefined) return { stage: undefined, slots: {} };
  const headFill = filled(context, "head");
  const head =
    headFill === undefined
      ? undefined
      : fillHead(headFill, { encoder: encoder.value, classes, labels, stage: decl.name.text }, stages);
  const slots: Slots = head === undefined ? { encoder } : { encoder, head };
  const forLine = lineOf(lines, "for", "for");
  const duration = forLine === undefined ? undefined : pretrainDuration(forLine.line, facts?.images, forLine.scope);
  const optimizerLine = lineOf(lines, "optimizer", "optimizer");
  const optimizer =
    optimizerLine === undefined || head === undefined
      ? undefined
      : elaborateOptimizer(optimizerLine.line, trainable({ encoder, head }), optimizerLine.scope);
  const schedule = duration === undefined ? undefined : scheduleOf(context, duration);
  const validate = pretrainValidation(context, encoder.value);
  if (head === undefined || duration === undefined) return { stage: undefined, slots };
  const lossContext = {
    stage: id,
    encoder: encoder.value,
    head: head.value,
    perStep: duration.perStep,
    classes,
    labels,
    span: decl.name.span,
  };
  const written = lineOf(lines, "loss", "loss");
  const loss =
    written === undefined ? defaultPretrainLoss(lossContext) : pretrainLoss(written.line, lossContext, written.scope);
  if (optimizer === undefined || schedule === undefined || loss === undefined || validate === "wrong")
    return { stage: undefined, slots };
  const span = decl.name.span;
  const blockers = pretrainLossBlockers(loss, decl.name.text, written?.line.span ?? span);
  if (facts === undefined)
    blockers.push(
      blocker("FSL5109", split.span, {
        dataset: dataset.name,
        what: "the classes of the head and the steps of an epoch",
      }),
    );
  const stage: PretrainStage = {
    kind: "pretrain",
    id,
    name: decl.name.text,
    span,
    needs: needsOf(slots, loss),
    blockers,
    data: split,
    classes,
    encoder: bare(encoder),
    head: bare(head),
    loss,
    optimizer,
    schedule,
    duration,
    validate,
  };
  return { stage, slots };
}

function pretrainValidation(context: StageContext, encoder: Network): PretrainStage["validate"] | "wrong" {
  const checked = validation(context);
  const metricFill = filled(context, "metric");
  const { scope, decl, lines } = context;
  const hasMetric = lines.has("metric");
  if (checked === undefined || checked === "wrong") {
    if (hasMetric && checked === undefined) {
      const line = lineOf(lines, "metric", "slot");
      scope.checker.report(
        "FSL5001",
        line?.line.span ?? decl.name.span,
        { kind: "pretrain", stage: decl.name.text, line: "validate" },
        {
          help: ["in a `pretrain`, the metric is what `validate` scores with"],
        },
      );
      return "wrong";
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
    return "wrong";
  }
  const { task } = checked.validation;
  const metric = fillMetric(
    metricFill,
    { encoder, tasks: [task], stage: decl.name.text, broken: context.broken },
    context.stages,
  );
  if (metric === undefined || !hasTrained(metric.slot, metricFill, decl)) return "wrong";
  return { ...checked.validation, metric: metric.slot.value };
}

function meta(context: StageContext): Elaborated {
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
      { kind: "meta", line: "episodes …, N episodes" },
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
  const metric = fillMetric(
    metricFill,
    { encoder: encoder.value, tasks, stage: decl.name.text, broken: context.broken },
    stages,
  );
  if (metric === undefined) return { stage: undefined, slots: { encoder } };
  const slots: Slots = { encoder, metric: { ...metric.slot, trained: true } };
  const forLine = lineOf(lines, "for", "for");
  const duration = forLine === undefined ? undefined : metaDuration(forLine.line, forLine.scope);
  const optimizerLine = lineOf(lines, "optimizer", "optimizer");
  const optimizer =
    optimizerLine === undefined
      ? undefined
      : elaborateOptimizer(optimizerLine.line, trainable({ encoder, metric: metric.slot }), optimizerLine.scope);
  const schedule = duration === undefined ? undefined : scheduleOf(context, duration);
  const written = lineOf(lines, "loss", "loss");
  const span = decl.name.span;
  const loss = written === undefined ? defaultMetaLoss(span) : metaLoss(written.line, metric.slot.value, written.scope);
  const fits = fitsFrom(context, metric.slot);
  if (
    duration === undefined ||
    optimizer === undefined ||
    schedule === undefined ||
    loss === undefined ||
    checkedValidation === "wrong" ||
    !fits
  ) {
    return { stage: undefined, slots };
  }
  const at = metricFill.span;
  const blockers = [
    ...metricBlockers(metric.slot.value, decl.name.text, at),
    ...metaLossBlockers(loss, decl.name.text, written?.line.span ?? span),
  ];
  const stage: MetaStage = {
    kind: "meta",
    id,
    name: decl.name.text,
    span,
    needs: needsOf(slots, loss),
    blockers,
    encoder: bare(encoder),
    metric: bare(metric.slot),
    episodes: { task, split: from.split },
    loss,
    optimizer,
    schedule,
    duration,
    validate: checkedValidation?.validation,
  };
  return { stage, slots };
}

/** `fit from birds.train`, where the metric has fits (rule 15). */
function fitsFrom(context: StageContext, metric: MetricSlot): boolean {
  const written = lineOf(context.lines, "fit from", "fitFrom");
  const { fits, name } = metric.value;
  if (written === undefined) {
    if (fits.length === 0) return true;
    context.scope.checker.report("FSL5026", metric.span, {
      metric: name,
      names: fits.map((fit) => `\`${fit.name}\``).join(", "),
    });
    return false;
  }
  const from = splitOf(written.line.split, written.scope, context.datasets);
  return from !== undefined && notTest(from, "fit from", context);
}

/** Evaluating values that no stage has trained measures nothing (rule 23). */
function hasTrained(metric: MetricSlot, fill: Filled, decl: ast.StageDecl): boolean {
  const { learns, name } = metric.value;
  if (learns.length === 0 || metric.trained || fill.line?.untrained === true) return true;
  fill.scope.checker.report("FSL5012", fill.span, {
    slot: "metric",
    name,
    stage: decl.name.text,
    names: learns.map((learn) => `\`${learn.name}\``).join(", "),
  });
  return false;
}

function evaluation(context: StageContext): Elaborated {
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
  const encoder = fillEncoder(encoderFill, from.dataset, decl.name.text, stages);
  if (encoder === undefined) return { stage: undefined, slots: {} };
  const trains = encoder.value.weights.some((weight) => weight.trainable);
  if (trains && encoder.from === undefined && encoderFill.line?.untrained !== true) {
    scope.checker.report(
      "FSL5012",
      encoderFill.span,
      { slot: "encoder", name: encoder.value.name, stage: decl.name.text, names: "all its weights" },
      {
        help: ["take a stage's: `encoder STAGE.encoder`", "if fresh weights are meant: `encoder untrained …`"],
      },
    );
    return { stage: undefined, slots: { encoder } };
  }
  const tasks: Task[] = from.rows.map((row) => row.task);
  const metric = fillMetric(
    metricFill,
    { encoder: encoder.value, tasks, stage: decl.name.text, broken: context.broken },
    stages,
  );
  if (metric === undefined) return { stage: undefined, slots: { encoder } };
  const slots: Slots = { encoder, metric: metric.slot };
  const report = reports(context, tasks);
  if (!hasTrained(metric.slot, metricFill, decl) || report === undefined || !fitsFrom(context, metric.slot))
    return { stage: undefined, slots };
  const rows: EvaluateRow[] = from.rows.flatMap((row, at) => {
    const typed = metric.metrics[at];
    return typed === undefined
      ? []
      : [{ label: row.label, task: row.task, split: from.split, episodes: count, metric: typed }];
  });
  const stage: EvaluateStage = {
    kind: "evaluate",
    id,
    name: decl.name.text,
    span: decl.name.span,
    needs: needsOf(slots, undefined),
    blockers: metricBlockers(metric.slot.value, decl.name.text, metricFill.span),
    encoder: bare(encoder),
    metric: bare(metric.slot),
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

const reportable = ["accuracy", "confusion", "per_class"] as const;

function reports(context: StageContext, tasks: readonly Task[]): readonly Report[] | undefined {
  const written = lineOf(context.lines, "report", "report");
  if (written === undefined) return [{ kind: "accuracy" }];
  const { checker } = written.scope;
  const found: Report[] = [];
  let complete = true;
  for (const item of written.line.items) {
    const name = item.kind === "ref" ? item.text : "this";
    const plain = reportable.find((word) => word === name);
    const top = /^top(\d+)$/.exec(name)?.[1];
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
  return complete ? found : undefined;
}
