/** What every kind of stage does: lines that it must have, slots filled, weights that train, stages that it needs. */
import type * as ast from "../../../../grammar/ast.js";
import type { Metric, Network, Schedule, Slot, Stage } from "../../typed.js";
import { nodes } from "../blockers.js";
import { suggest } from "../checker.js";
import type { Datasets } from "../datasets.js";
import { elaborateSchedule } from "../duration.js";
import { type Lines, lineOf } from "../lines.js";
import type { Scope } from "../scope.js";
import type { Filled, Slots, Stages } from "../slots.js";
import { describe } from "../values.js";

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

export function required(context: StageContext, words: readonly string[]): boolean {
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

export function filled(context: StageContext, slot: "encoder" | "head" | "metric"): Filled | undefined {
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

/** Slot paths of the weights that a stage trains. */
export function trainable(slots: {
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

export function bare<T>(slot: Slot<T>): Slot<T> {
  return { value: slot.value, from: slot.from, frozen: slot.frozen, span: slot.span };
}

export function needsOf(slots: Slots, tree: unknown): string[] {
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

export function scheduleOf(
  context: StageContext,
  duration: Parameters<typeof elaborateSchedule>[1],
): Schedule | undefined {
  const written = lineOf(context.lines, "schedule", "schedule");
  if (written === undefined) return { kind: "constant", warmup: 0 };
  return elaborateSchedule(written.line.value, duration, written.scope);
}
