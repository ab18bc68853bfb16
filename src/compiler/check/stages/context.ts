/** What every kind of stage does: lines that it must have, slots filled, weights that train, stages that it needs. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Block, Learn, Metric, Network, Optimizer, Schedule, Slot, Stage, WeightFile } from "../../typed/tree.js";
import { calledStages } from "../../typed/walk.js";
import { type Reported, reported } from "../core/reported.js";
import type { Scope } from "../core/scope.js";
import { describe, type Value } from "../core/values.js";
import type { Datasets } from "../data/datasets.js";
import { evaluate } from "../expressions/evaluate.js";
import { elaborateSchedule } from "./duration.js";
import { elaborateOptimizer } from "./optimizer.js";
import type { SlotSource, StageLookup, StageSlots } from "./slots.js";
import { findLine, intendedWords, type ScopedLine, type StageLines } from "./stage-lines.js";

export interface StageContext {
  readonly id: string;
  readonly decl: ast.StageDecl;
  readonly scope: Scope;
  readonly lines: StageLines;
  readonly datasets: Datasets;
  readonly stages: StageLookup;
  /** Metrics whose declarations are wrong in themselves. */
  readonly broken: ReadonlySet<ast.MetricDecl>;
}

export interface ElaboratedStage {
  readonly stage: Stage | undefined;
  readonly slots: StageSlots;
}

export function hasRequiredLines(context: StageContext, words: readonly string[]): boolean {
  const { decl, scope, lines } = context;
  const slots = ["encoder", "head", "metric"];
  const missing = words.filter((word) => !lines.has(word) && !(slots.includes(word) && lines.has("of")));
  const meant = intendedWords(decl);
  for (const line of missing) {
    if (meant.has(line)) continue;
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

export function slotSource(context: StageContext, slot: "encoder" | "head" | "metric"): SlotSource | undefined {
  const written = findLine(context.lines, slot, "slot");
  if (written !== undefined)
    return { line: written.line, from: undefined, span: written.line.span, scope: written.scope };
  const of = findLine(context.lines, "of", "of");
  if (of === undefined) return undefined;
  const { stage } = of.line;
  const value = of.scope.lookup(stage.text);
  const { checker } = of.scope;
  if (value?.kind !== "stage") {
    // A name that is empty was missing, and the parser said so.
    if (value === undefined && stage.text !== "")
      checker.report("FSL2001", stage.span, { name: stage.text }, { help: suggest(stage.text, of.scope.names()) });
    else if (value !== undefined && value.kind !== "anything")
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

/** Slot paths of the weights that a stage trains. */
export function trainablePaths(slots: {
  readonly encoder?: Slot<Network>;
  readonly head?: Slot<Network>;
  readonly metric?: Slot<Metric>;
  readonly learns?: readonly Learn[];
}): string[] {
  const network = (slot: string, value: Slot<Network> | undefined): string[] =>
    value === undefined || value.frozen
      ? []
      : value.value.weights.filter((weight) => weight.trainable).map((weight) => `${slot}.${weight.path}`);
  const learned = (slot: string, learns: readonly Learn[]): string[] =>
    learns.flatMap((learn) =>
      learn.kind === "module"
        ? learn.network.weights.filter((weight) => weight.trainable).map(({ path }) => `${slot}.${learn.name}.${path}`)
        : [`${slot}.${learn.name}`],
    );
  return [
    ...network("encoder", slots.encoder),
    ...network("head", slots.head),
    ...learned("metric", slots.metric === undefined || slots.metric.frozen ? [] : slots.metric.value.learns),
    ...learned("learn", slots.learns ?? []),
  ];
}

/** The optimizer over the weights that a stage trains; reports a stage that trains none. */
export function stageOptimizer(context: StageContext, weights: readonly string[]): Optimizer | undefined {
  const written = findLine(context.lines, "optimizer", "optimizer");
  if (written === undefined) return undefined;
  const optimizer = elaborateOptimizer(written.line, weights, written.scope);
  if (optimizer === undefined || weights.some((path) => optimizer.overrides[path]?.frozen !== true)) return optimizer;
  const { decl, scope } = context;
  scope.checker.report("FSL5040", weights.length === 0 ? decl.name.span : written.line.span, {
    stage: decl.name.text,
    why: weights.length === 0 ? "its slots hold nothing that trains" : "every group is frozen",
  });
  return undefined;
}

/** `ema 0.999`; undefined where there is no such line. */
export function stageEma(context: StageContext): number | undefined | Reported {
  const written = findLine(context.lines, "ema", "setting");
  if (written === undefined) return undefined;
  const value = oneValue(written, "the decay of the average");
  if (value === undefined) return reported;
  if (value.kind !== "real" && value.kind !== "int") {
    const what = "the decay of the average";
    written.scope.checker.report("FSL3009", value.span, { what, expected: "a number", found: describe(value) });
    return reported;
  }
  if (value.value <= 0 || value.value >= 1) {
    const range = "above 0 and below 1";
    written.scope.checker.report("FSL5008", value.span, { what: "the decay of `ema`", range, found: value.value });
    return reported;
  }
  return value.value;
}

/** The one value of a line that is a word and a value; reports another number of them. */
export function oneValue({ line, scope }: ScopedLine<ast.SettingLine>, what: string): Value | undefined {
  const [expr, more] = line.values;
  if (expr === undefined || more !== undefined) {
    const found = expr === undefined ? "nothing" : `${line.values.length} values`;
    scope.checker.report("FSL3009", line.span, { what, expected: "one number", found });
    return undefined;
  }
  const value = evaluate(expr, scope);
  return value.kind === "anything" ? undefined : value;
}

/** A slot as a stage keeps it, with the file that its weights start from. */
export function storedSlot<T>({ value, from, frozen, span }: Slot<T>, file: WeightFile | undefined): Slot<T> {
  return { value, from, frozen, ...(file === undefined ? {} : { file }), span };
}

export function neededStages(
  slots: { readonly [K in keyof StageSlots]?: Pick<Slot<unknown>, "from"> },
  loss: Block | undefined,
): string[] {
  const needs = new Set<string>();
  for (const slot of [slots.encoder, slots.head, slots.metric])
    if (slot?.from !== undefined) needs.add(slot.from.stage);
  if (loss !== undefined) for (const stage of calledStages(loss)) needs.add(stage);
  return [...needs];
}

export function stageSchedule(
  context: StageContext,
  duration: Parameters<typeof elaborateSchedule>[1],
): Schedule | undefined {
  const written = findLine(context.lines, "schedule", "schedule");
  if (written === undefined) return { kind: "constant", warmup: 0 };
  return elaborateSchedule(written.line.value, duration, written.scope);
}
