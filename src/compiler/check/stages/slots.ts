/** The slots of a stage: what fills them, and whether it fits (rule 23). */
import type * as ast from "../../../../grammar/ast.js";
import type { Dataset, Metric, Network, Slot, Task, WeightSpec } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { type BackboneValue, describe, type MetricValue, type StageSlotValue } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import { callAsLayer } from "../metrics/learned-values.js";
import { elaborateMetric } from "../metrics/metrics.js";
import { elaborateBackbone } from "../networks/backbones.js";
import { elaborateNetwork } from "../networks/network-builder.js";

export interface EncoderSlot extends Slot<Network> {
  readonly declared: BackboneValue;
}
export interface HeadSlot extends Slot<Network> {
  readonly layers: readonly ast.Layer[];
  readonly scope: Scope;
  /** Whose classes its logits are over. */
  readonly labels: string;
}
export interface MetricSlot extends Slot<Metric> {
  readonly declared: MetricValue;
  /** The task that it was first typed for: what `way` and `shot` in its weights are pinned to. */
  readonly task: Task;
  /** Whether a stage has trained its values. */
  readonly trained: boolean;
}
export interface StageSlots {
  readonly encoder?: EncoderSlot;
  readonly head?: HeadSlot;
  readonly metric?: MetricSlot;
}
export interface StageLookup {
  /** The slots of another stage; undefined where that stage is wrong (and was reported). */
  slotsOf(stage: string, at: ast.Span): StageSlots | undefined;
}
/** A slot line, or a slot that `of` takes over. */
export interface SlotSource {
  readonly line: ast.SlotLine | undefined;
  readonly from: StageSlotValue | undefined;
  readonly span: ast.Span;
  readonly scope: Scope;
}

/** `stage.slot` where one is named; reports a stage without its slot, and a slot of another kind. */
function reference(filled: SlotSource, slot: keyof StageSlots): StageSlotValue | "declared" | undefined {
  if (filled.from !== undefined) return filled.from;
  const expr = filled.line?.value;
  if (expr === undefined) return undefined;
  const { scope } = filled;
  if (expr.kind === "ref") {
    const value = scope.lookup(expr.text);
    if (value?.kind === "stage") {
      scope.checker.report(
        "FSL2019",
        expr.span,
        { needed: article(slot), found: describe(value) },
        {
          help: [`its ${slot} is \`${expr.text}.${slot}\``],
        },
      );
      return undefined;
    }
  }
  if (expr.kind !== "member") return "declared";
  const value = evaluate(expr, scope);
  if (value.kind === "anything") return undefined;
  if (value.kind === "stageSlot" && value.slot === slot) return value;
  scope.checker.report("FSL2019", expr.span, { needed: article(slot), found: describe(value) });
  return undefined;
}
function article(slot: string): string {
  return slot === "encoder"
    ? "a backbone or the encoder of a stage"
    : slot === "head"
      ? "a head"
      : "a metric or the metric of a stage";
}

function sourceSlot<K extends keyof StageSlots>(
  ref: StageSlotValue,
  slot: K,
  filled: SlotSource,
  stages: StageLookup,
): StageSlots[K] | undefined {
  const slots = stages.slotsOf(ref.stage, filled.span);
  if (slots === undefined) return undefined;
  const source = slots[slot];
  if (source === undefined) {
    filled.scope.checker.report("FSL2017", filled.line?.value.span ?? filled.span, {
      object: `the stage \`${ref.stage}\``,
      member: slot,
    });
  }
  return source;
}

export function resolveEncoder(
  filled: SlotSource,
  dataset: Dataset,
  stage: string,
  stages: StageLookup,
): EncoderSlot | undefined {
  const { scope, line, span } = filled;
  const { checker } = scope;
  const frozen = line?.frozen === true;
  const ref = reference(filled, "encoder");
  if (ref === undefined) return undefined;
  if (ref !== "declared") {
    const source = sourceSlot(ref, "encoder", filled, stages);
    if (source === undefined) return undefined;
    const value = elaborateBackbone(source.declared, dataset.image, span);
    if (value === undefined) return undefined;
    const why = difference(source.value.weights, value.weights);
    if (why !== undefined) {
      checker.report(
        "FSL5011",
        span,
        { slot: "encoder", stage, why },
        {
          labels: [{ span: source.span, text: "it was made here" }],
        },
      );
      return undefined;
    }
    return { value, declared: source.declared, from: { stage: ref.stage, slot: "encoder" }, frozen, span };
  }
  if (line === undefined) return undefined;
  const value = evaluate(line.value, scope);
  if (value.kind !== "backbone") {
    if (value.kind !== "anything")
      checker.report("FSL2019", line.value.span, { needed: article("encoder"), found: describe(value) });
    return undefined;
  }
  const network = elaborateBackbone(value, dataset.image, line.value.span);
  return network === undefined ? undefined : { value: network, declared: value, from: undefined, frozen, span };
}

export interface HeadContext {
  readonly encoder: Network;
  readonly classes: number;
  readonly labels: string;
  readonly stage: string;
}

export function resolveHead(filled: SlotSource, context: HeadContext, stages: StageLookup): HeadSlot | undefined {
  const { scope, line, span } = filled;
  const { checker } = scope;
  const frozen = line?.frozen === true;
  const ref = reference(filled, "head");
  if (ref === undefined) return undefined;
  let layers: readonly ast.Layer[];
  let from: Slot<Network>["from"];
  let source: HeadSlot | undefined;
  let headScope = scope;
  if (ref !== "declared") {
    source = sourceSlot(ref, "head", filled, stages);
    if (source === undefined) return undefined;
    ({ layers, scope: headScope } = source);
    from = { stage: ref.stage, slot: "head" };
    if (source.labels !== context.labels) {
      checker.report(
        "FSL5011",
        span,
        {
          slot: "head",
          stage: context.stage,
          why: `it scores the classes of \`${source.labels}\`, and this stage has those of \`${context.labels}\``,
        },
        {
          labels: [{ span: source.span, text: "it was made here" }],
        },
      );
      return undefined;
    }
  } else if (line === undefined) return undefined;
  else if (line.value.kind === "call" && line.value.callee.kind === "ref")
    layers = [callAsLayer(line.value, line.value.callee)];
  else if (line.value.kind === "module") layers = line.value.layers;
  else {
    const value = evaluate(line.value, scope);
    if (value.kind !== "anything") {
      checker.report(
        "FSL2019",
        line.value.span,
        { needed: "a head", found: describe(value) },
        { help: ["write `head linear(class)`"] },
      );
    }
    return undefined;
  }
  const vector = context.encoder.outputs["vector"];
  if (vector === undefined) {
    checker.report(
      "FSL5013",
      span,
      { metric: "the head", form: "vector", encoder: context.encoder.name, outputs: describeOutputs(context.encoder) },
      {
        help: ["name it in the backbone: `flatten as vector`"],
      },
    );
    return undefined;
  }
  const axes = new Map([["class", context.classes]]);
  const value = elaborateNetwork({ name: "head", layers, input: vector, scope: headScope, axes, generic: false, span });
  if (value === undefined) return undefined;
  const out = Object.values(value.outputs)[0] ?? [];
  if (out.length !== 1 || out[0]?.name !== "class") {
    checker.report(
      "FSL5011",
      span,
      {
        slot: "head",
        stage: context.stage,
        why: `it gives [${out.map((axis) => axis.name).join(", ")}] where one score per class is needed`,
      },
      {
        help: ["end it with `linear(class)`"],
      },
    );
    return undefined;
  }
  const why = source === undefined ? undefined : difference(source.value.weights, value.weights);
  if (why !== undefined) {
    checker.report("FSL5011", span, { slot: "head", stage: context.stage, why });
    return undefined;
  }
  return { value, layers, scope: headScope, labels: context.labels, from, frozen, span };
}

export function describeOutputs(network: Network): string {
  const names = Object.keys(network.outputs).map((name) => `\`${name}\``);
  return names.length === 0 ? "no named output" : `only ${names.join(" and ")}`;
}

/** `tasks`: every task that the stage poses; the slot's value is typed for the first. */
export function resolveMetric(
  filled: SlotSource,
  context: {
    readonly encoder: Network;
    readonly tasks: readonly Task[];
    readonly stage: string;
    readonly broken: ReadonlySet<ast.MetricDecl>;
    /** Images that a `fit` sees, where that is known. */
    readonly items?: number | undefined;
  },
  stages: StageLookup,
): { slot: MetricSlot; metrics: readonly Metric[] } | undefined {
  const { scope, line, span } = filled;
  const { checker } = scope;
  const ref = reference(filled, "metric");
  const first = context.tasks[0];
  if (ref === undefined || first === undefined) return undefined;
  let declared: MetricValue;
  let source: MetricSlot | undefined;
  let from: Slot<Metric>["from"];
  if (ref !== "declared") {
    source = sourceSlot(ref, "metric", filled, stages);
    if (source === undefined) return undefined;
    declared = source.declared;
    from = { stage: ref.stage, slot: "metric" };
  } else {
    if (line === undefined) return undefined;
    const value = evaluate(line.value, scope);
    if (value.kind !== "metric") {
      if (value.kind !== "anything")
        checker.report("FSL2019", line.value.span, { needed: article("metric"), found: describe(value) });
      return undefined;
    }
    declared = value;
  }
  // What is wrong with the declaration itself has been reported there.
  if (context.broken.has(declared.decl)) return undefined;
  if (!suits(declared, context.encoder, span, scope)) return undefined;
  const metrics: Metric[] = [];
  for (const task of context.tasks) {
    const metric = elaborateMetric(
      declared,
      { task, encoder: context.encoder, generic: false, items: context.items },
      span,
    );
    if (metric === undefined) return undefined;
    const trained = source ?? (metrics[0] === undefined ? undefined : { value: metrics[0], task: first });
    if (trained !== undefined && !sameSizes(trained, metric, task, filled, context.stage)) return undefined;
    metrics.push(metric);
  }
  const [value] = metrics;
  if (value === undefined) return undefined;
  const trained = source !== undefined;
  return {
    slot: { value, declared, from, frozen: line?.frozen === true, span, task: source?.task ?? first, trained },
    metrics,
  };
}

/** Whether the encoder gives what the metric's entries ask for. */
function suits(metric: MetricValue, encoder: Network, span: ast.Span, scope: Scope): boolean {
  const builtIn = ["image", "class"];
  for (const entry of metric.decl.entries) {
    for (const param of entry.params) {
      const form = param.type?.name.text;
      if (form === undefined || builtIn.includes(form) || encoder.outputs[form] !== undefined) continue;
      scope.checker.report(
        "FSL5013",
        span,
        { metric: metric.decl.name.text, form, encoder: encoder.name, outputs: describeOutputs(encoder) },
        {
          labels: [{ span: param.type?.span ?? param.span, text: "it is asked for here" }],
          help: [`name it in the backbone: write \`as ${form}\` after the layer that gives it`],
        },
      );
      return false;
    }
  }
  return true;
}

function sameSizes(
  trained: { readonly value: Metric; readonly task: Task },
  metric: Metric,
  task: Task,
  filled: SlotSource,
  stage: string,
): boolean {
  const { checker } = filled.scope;
  for (const learn of metric.learns) {
    const before = trained.value.learns.find((other) => other.name === learn.name);
    if (before === undefined) continue;
    const why = difference(metricWeights(before), metricWeights(learn));
    if (why === undefined) continue;
    const axis = (["way", "shot", "query"] as const).find((name) => trained.task[name] !== task[name]);
    if (axis === undefined) {
      checker.report("FSL5011", filled.span, { slot: "metric", stage, why });
    } else {
      checker.report(
        "FSL5018",
        filled.span,
        { name: learn.name, axis, trained: trained.task[axis], found: task[axis] },
        {
          labels: [{ span: learn.span, text: "declared here" }],
        },
      );
    }
    return false;
  }
  return true;
}

function metricWeights(learn: Metric["learns"][number]): readonly Pick<WeightSpec, "path" | "shape">[] {
  if (learn.kind === "module") return learn.network.weights;
  if (learn.kind === "tensor") return [{ path: learn.name, shape: learn.axes.map((axis) => axis.size) }];
  return [];
}

/** The first difference between the weights that there are and those that are needed. */
function difference(
  has: readonly Pick<WeightSpec, "path" | "shape">[],
  needs: readonly Pick<WeightSpec, "path" | "shape">[],
): string | undefined {
  const shapes = new Map(has.map((weight) => [weight.path, weight.shape.join("×")]));
  for (const { path, shape } of needs) {
    const known = shapes.get(path);
    if (known === undefined) return `\`${path}\` is missing`;
    if (known !== shape.join("×")) return `\`${path}\` is ${known}, and ${shape.join("×")} is needed`;
  }
  return has.length > needs.length ? "it has more weights than are needed" : undefined;
}
