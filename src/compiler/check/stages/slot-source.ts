/** The source of a slot: a line of the stage, or the same slot of another stage. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import { type Reported, reported } from "../core/reported.js";
import type { Scope } from "../core/scope.js";
import { describe, type StageSlotValue } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import type { SlotName, StageContext, StageSlots } from "./context.js";
import { findLine } from "./stage-lines.js";

/** A slot line (`encoder conv64`), or an `of` line, which takes over every slot of a stage. */
export interface SlotSource {
  readonly line: ast.SlotLine | undefined;
  /** The slot that `of` takes over. */
  readonly from: StageSlotValue | undefined;
  readonly span: ast.Span;
  readonly scope: Scope;
}

const needed: Readonly<Record<SlotName, string>> = {
  encoder: "a backbone or the encoder of a stage",
  head: "a head",
  metric: "a metric or the metric of a stage",
};

/** Returns the source of a slot, or undefined if the stage has no line for it or its `of` has been reported. */
export function slotSource({ lines }: StageContext, slot: SlotName): SlotSource | undefined {
  const written = findLine(lines, slot, "slot");
  if (written !== undefined) {
    const { line, scope } = written;
    return { line, from: undefined, span: line.span, scope };
  }
  const of = findLine(lines, "of", "of");
  if (of === undefined) return undefined;
  const { span, stage } = of.line;
  const id = stageId(stage, of.scope);
  if (id === undefined) return undefined;
  return { line: undefined, from: { kind: "stageSlot", stage: id, slot, span }, span, scope: of.scope };
}

function stageId(name: ast.Name, scope: Scope): string | undefined {
  const { checker } = scope;
  const value = scope.lookup(name.text);
  if (value?.kind === "stage") return value.id;
  // The name is empty if it was missing, which the parser has reported.
  if (value === undefined && name.text !== "") {
    checker.report("FSL2001", name.span, { name: name.text }, { help: suggest(name.text, scope.names()) });
  } else if (value !== undefined && value.kind !== "anything") {
    checker.report("FSL2019", name.span, { needed: "a stage", found: describe(value) });
  }
  return undefined;
}

/**
 * Returns the slot of a stage that a source names, or undefined if it declares a slot of its own. Reports FSL2019 for a
 * stage without its slot (`encoder base`) and for a slot of another kind (`encoder base.head`).
 */
export function namedSlot(source: SlotSource, slot: SlotName): StageSlotValue | Reported | undefined {
  if (source.from !== undefined) return source.from;
  const expr = source.line?.value;
  const { scope } = source;
  if (expr?.kind === "ref") {
    const value = scope.lookup(expr.text);
    if (value?.kind !== "stage") return undefined;
    const help = [`its ${slot} is \`${expr.text}.${slot}\``];
    scope.checker.report("FSL2019", expr.span, { needed: needed[slot], found: describe(value) }, { help });
    return reported;
  }
  if (expr?.kind !== "member") return undefined;
  const value = evaluate(expr, scope);
  if (value.kind === "stageSlot" && value.slot === slot) return value;
  if (value.kind !== "anything") reportOtherValue(slot, describe(value), expr.span, scope);
  return reported;
}

/** Reports a value that cannot fill the slot. */
export function reportOtherValue(slot: SlotName, found: string, span: ast.Span, { checker }: Scope): void {
  checker.report("FSL2019", span, { needed: needed[slot], found });
}

/** Returns the slot of another stage. Reports FSL2017 if that stage has no such slot. */
export function slotOfStage<K extends SlotName>(
  { stage }: StageSlotValue,
  slot: K,
  source: SlotSource,
  { stages }: StageContext,
): StageSlots[K] | undefined {
  const slots = stages.slotsOf(stage, source.span);
  if (slots !== undefined && slots[slot] === undefined) {
    const span = source.line?.value.span ?? source.span;
    source.scope.checker.report("FSL2017", span, { object: `the stage \`${stage}\``, member: slot });
  }
  return slots?.[slot];
}
