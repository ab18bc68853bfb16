/** The metric of a stage: elaborated for every task that the stage poses, declared here or taken over from another stage. */
import type * as ast from "../../../../grammar/ast.js";
import { findDescription, onlyForm, seenForm } from "../../typed/described.js";
import { isTrainingKind } from "../../typed/stage-kinds.js";
import type { Dataset, Description, Learn, Metric, Network, Task } from "../../typed/tree.js";
import { reported } from "../core/reported.js";
import { describe, type MetricValue } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import type { BaseData } from "../metrics/metric-context.js";
import { elaborateMetric } from "../metrics/metrics.js";
import type { MetricSlot, StageContext } from "./context.js";
import { namedSlot, reportOtherValue, type SlotSource, slotOfStage } from "./slot-source.js";
import { describeOutputs, weightDifference } from "./slots.js";
import { startsFromFile } from "./weight-files.js";

export interface MetricRequest {
  readonly encoder: Network;
  /** Every task that the stage poses. The slot has the metric for the first. */
  readonly tasks: readonly Task[];
  /** The dataset of the episodes, which describes their classes. */
  readonly described: Dataset;
  /** The data that a `fit` sees, or undefined if the stage names none. */
  readonly base?: BaseData | undefined;
}

export interface ResolvedMetric {
  readonly slot: MetricSlot;
  /** The metric for each task of the request. */
  readonly metrics: readonly Metric[];
}

/** A metric with the task that fixes the shapes of its weights. */
interface SizedMetric {
  readonly value: Metric;
  readonly task: Task;
}

/** Returns the metric for each task, or undefined after a report. */
export function resolveMetric(
  source: SlotSource,
  request: MetricRequest,
  context: StageContext,
): ResolvedMetric | undefined {
  const { span, line } = source;
  const [task] = request.tasks;
  const named = namedSlot(source, "metric");
  if (named === reported || task === undefined) return undefined;
  const inherited = named === undefined ? undefined : slotOfStage(named, "metric", source, context);
  const declared = named === undefined ? declaredMetric(source) : inherited?.declared;
  // What is wrong with the declaration itself has been reported there.
  if (declared === undefined || context.invalidMetrics.has(declared.decl)) return undefined;
  if (!checkForms(declared, request, source) || !checkSupports(declared, request, source)) return undefined;
  if (!checkUnlabeled(declared, request.tasks, source)) return undefined;
  const metrics = elaborateForTasks(declared, request, inherited, source, context);
  const value = metrics?.[0];
  if (metrics === undefined || value === undefined) return undefined;
  const from = named === undefined ? undefined : { stage: named.stage, slot: "metric" as const };
  const trained = inherited !== undefined;
  const frozen = line?.frozen === true;
  return { slot: { value, declared, from, frozen, span, task: inherited?.task ?? task, trained }, metrics };
}

function declaredMetric({ line, scope }: SlotSource): MetricValue | undefined {
  if (line === undefined) return undefined;
  const value = evaluate(line.value, scope);
  if (value.kind === "metric") return value;
  if (value.kind !== "anything") reportOtherValue("metric", describe(value), line.value.span, scope);
  return undefined;
}

/**
 * Returns whether the metric gets what its entries and fits take: outputs of the encoder, and descriptions of classes. Reports
 * FSL5013 or FSL5074 for the first that is missing.
 */
function checkForms(
  { decl }: MetricValue,
  { encoder, described, base }: MetricRequest,
  { scope, span }: SlotSource,
): boolean {
  const known = ["image", "class", seenForm, ...Object.keys(encoder.outputs)];
  const isMissing =
    (descriptions: readonly Description[]) =>
    ({ type }: ast.Parameter): boolean =>
      type !== undefined &&
      !known.includes(type.name.text) &&
      findDescription(type.name.text, descriptions) === undefined;
  const ofFits = base === undefined ? [] : decl.fits.flatMap((fit) => fit.from);
  const lacking =
    decl.entries.flatMap((entry) => entry.params).find(isMissing(described.descriptions ?? [])) ??
    ofFits.find(isMissing(base?.descriptions ?? []));
  if (lacking === undefined) return true;
  const form = lacking.type?.name.text ?? "";
  const axes = (lacking.type?.axes ?? []).map((axis) => axis.text).join(",");
  if (axes === "way" || axes === "class") {
    const names = (described.descriptions ?? []).map(({ name }) => `\`${name}\``);
    const several = form === onlyForm && names.length > 1 ? `has ${names.length}: ` : "describes only ";
    const has = names.length === 0 ? "describes nothing" : `${several}${names.join(" and ")}`;
    scope.checker.report(
      "FSL5074",
      span,
      { metric: decl.name.text, form, dataset: described.name, has },
      {
        labels: [{ span: lacking.type?.span ?? lacking.span, text: "it is asked for here" }],
        help: [helpFor(form, names)],
      },
    );
    return false;
  }
  const holes = { metric: decl.name.text, form, encoder: encoder.name, outputs: describeOutputs(encoder) };
  scope.checker.report("FSL5013", span, holes, {
    labels: [{ span: lacking.type?.span ?? lacking.span, text: "it is asked for here" }],
    help: [`name it in the backbone: write \`as ${form}\` after the layer that gives it`],
  });
  return false;
}

/** Returns whether every task has images without labels if the metric takes some. Reports FSL5032, or FSL5033 if it takes none and a task has some. */
function checkUnlabeled({ decl }: MetricValue, tasks: readonly Task[], { scope, span }: SlotSource): boolean {
  const takes = decl.entries
    .flatMap(({ params }) => params)
    .find(({ type }) => type?.axes?.some(({ text }) => text === "u"));
  const metric = decl.name.text;
  const has = tasks.filter(({ unlabeled }) => unlabeled !== undefined).length;
  if (takes === undefined) {
    if (has > 0) scope.checker.report("FSL5033", span, { metric });
    return true;
  }
  if (has === tasks.length) return true;
  const labels = [{ span: takes.span, text: "they are asked for here" }];
  scope.checker.report("FSL5032", span, { metric, parameter: takes.name.text }, { labels });
  return false;
}

function helpFor(form: string, names: readonly string[]): string {
  if (form !== onlyForm)
    return `add a line to the dataset: \`describe ${form}\`, or \`describe ${form} from "FILE.csv"\``;
  return names.length > 1
    ? `\`${onlyForm}\` is the only one of a dataset: leave one \`describe\` line, or name one in the metric`
    : 'add a line to the dataset: `describe NAME`, or `describe NAME from "FILE.csv"`';
}

/** Returns whether every task has the supports that the metric takes. Reports FSL5072 for episodes of 0 shots that it cannot use. */
function checkSupports({ decl }: MetricValue, { tasks }: MetricRequest, { scope, span }: SlotSource): boolean {
  if (tasks.every(({ shot }) => shot > 0)) return true;
  const needs = (param: ast.Parameter): boolean => (param.type?.axes ?? []).some((axis) => axis.text === "shot");
  const param = decl.entries.flatMap((entry) => entry.params).find(needs);
  if (param === undefined) return true;
  const labels = [{ span: param.span, text: "it asks for supports here" }];
  scope.checker.report("FSL5072", span, { metric: decl.name.text, name: param.name.text }, { labels });
  return false;
}

/** Returns the metric for each task. All share the weights of the first, or of the slot that is taken over. */
function elaborateForTasks(
  declared: MetricValue,
  { encoder, tasks, described, base }: MetricRequest,
  inherited: SizedMetric | undefined,
  source: SlotSource,
  context: StageContext,
): readonly Metric[] | undefined {
  const metrics: Metric[] = [];
  let first = inherited;
  for (const task of tasks) {
    const { descriptions = [] } = described;
    const value = elaborateMetric(declared, { task, encoder, generic: false, descriptions, base }, source.span);
    if (value === undefined) return undefined;
    if (first !== undefined && !checkWeightShapes(first, { value, task }, source, context)) return undefined;
    first ??= { value, task };
    metrics.push(value);
  }
  return metrics;
}

/** Returns whether two tasks give learned values of the same shapes. Reports FSL5018 or FSL5011 if they do not. */
function checkWeightShapes(
  first: SizedMetric,
  other: SizedMetric,
  { scope, span }: SlotSource,
  context: StageContext,
): boolean {
  const { checker } = scope;
  for (const learn of other.value.learns) {
    const before = first.value.learns.find(({ name }) => name === learn.name);
    const why = before === undefined ? undefined : weightDifference(learnedWeights(before), learnedWeights(learn));
    if (why === undefined) continue;
    const axis = (["way", "shot", "query"] as const).find((name) => first.task[name] !== other.task[name]);
    if (axis === undefined) {
      checker.report("FSL5011", span, { slot: "metric", stage: context.decl.name.text, why });
    } else {
      const holes = { name: learn.name, axis, trained: first.task[axis], found: other.task[axis] };
      checker.report("FSL5018", span, holes, { labels: [{ span: learn.span, text: "declared here" }] });
    }
    return false;
  }
  return true;
}

function learnedWeights(learn: Learn): Parameters<typeof weightDifference>[0] {
  if (learn.kind === "module") return learn.network.weights;
  if (learn.kind === "tensor") return [{ path: learn.name, shape: learn.axes.map((axis) => axis.size) }];
  // Values like a network's weights have its shapes, which are compared in the slot of that network.
  return [];
}

/** Returns whether the metric's learned values may be used as they are. Reports FSL5012 if nothing has trained them. */
export function checkTrained({ value, trained }: MetricSlot, source: SlotSource, context: StageContext): boolean {
  const { name } = value;
  // A fixed value has nothing to train.
  const learns = value.learns.filter((learn) => learn.kind !== "tensor" || learn.fixed !== true);
  const { decl } = context;
  if (learns.length === 0 || trained || source.line?.untrained === true) return true;
  if (!isTrainingKind(decl.stage) && startsFromFile(context, "metric")) return true;
  const names = learns.map((learn) => `\`${learn.name}\``).join(", ");
  source.scope.checker.report("FSL5012", source.span, { slot: "metric", name, stage: decl.name.text, names });
  return false;
}
