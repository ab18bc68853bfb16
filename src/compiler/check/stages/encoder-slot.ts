/** The encoder of a stage: a backbone for its images, or the encoder of another stage. */
import type { Dataset } from "../../typed/tree.js";
import { reported } from "../core/reported.js";
import { describe, type StageSlotValue } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import { elaborateBackbone } from "../networks/backbones.js";
import type { EncoderSlot, StageContext } from "./context.js";
import { namedSlot, reportOtherValue, type SlotSource, slotOfStage } from "./slot-source.js";
import { weightDifference } from "./slots.js";
import { startsFromFile } from "./weight-files.js";

/** Returns the encoder for the images of the dataset, or undefined after a report. */
export function resolveEncoder(source: SlotSource, dataset: Dataset, context: StageContext): EncoderSlot | undefined {
  const named = namedSlot(source, "encoder");
  if (named === reported) return undefined;
  if (named !== undefined) return inheritedEncoder(named, source, dataset, context);
  const { line, scope, span } = source;
  if (line === undefined) return undefined;
  const declared = evaluate(line.value, scope);
  if (declared.kind !== "backbone") {
    if (declared.kind !== "anything") reportOtherValue("encoder", describe(declared), line.value.span, scope);
    return undefined;
  }
  const value = elaborateBackbone(declared, dataset.image, line.value.span);
  return value === undefined ? undefined : { value, declared, from: undefined, frozen: line.frozen, span };
}

/** Returns the encoder of another stage for these images. Reports FSL5011 if its weights then have other shapes. */
function inheritedEncoder(
  named: StageSlotValue,
  source: SlotSource,
  dataset: Dataset,
  context: StageContext,
): EncoderSlot | undefined {
  const { line, scope, span } = source;
  const inherited = slotOfStage(named, "encoder", source, context);
  if (inherited === undefined) return undefined;
  const { declared } = inherited;
  const value = elaborateBackbone(declared, dataset.image, span);
  if (value === undefined) return undefined;
  const why = weightDifference(inherited.value.weights, value.weights);
  if (why !== undefined) {
    const holes = { slot: "encoder", stage: context.decl.name.text, why };
    scope.checker.report("FSL5011", span, holes, { labels: [{ span: inherited.span, text: "it was made here" }] });
    return undefined;
  }
  return { value, declared, from: { stage: named.stage, slot: "encoder" }, frozen: line?.frozen === true, span };
}

/** Returns whether an evaluation may use the encoder's weights. Reports FSL5012 if nothing has trained them. */
export function checkEncoderTrained({ value, from }: EncoderSlot, source: SlotSource, context: StageContext): boolean {
  const hasWeights = value.weights.some((weight) => weight.trainable);
  if (!hasWeights || from !== undefined || source.line?.untrained === true) return true;
  if (startsFromFile(context, "encoder")) return true;
  const holes = { slot: "encoder", name: value.name, stage: context.decl.name.text, names: "all its weights" };
  const help = [
    "take a stage's: `encoder STAGE.encoder`",
    'or a file\'s: `init encoder from "FILE.safetensors"`',
    "if fresh weights are meant: `encoder untrained …`",
  ];
  context.scope.checker.report("FSL5012", source.span, holes, { help });
  return false;
}
