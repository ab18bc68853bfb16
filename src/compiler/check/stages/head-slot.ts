/** The head of a `pretrain` stage: layers that turn the encoder's vector into one score per class. */
import type * as ast from "../../../../grammar/ast.js";
import type { Axis, Network, Slot } from "../../typed/tree.js";
import { reported } from "../core/reported.js";
import type { Scope } from "../core/scope.js";
import { describe } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";
import { callAsLayer } from "../metrics/learned-values.js";
import { elaborateNetwork } from "../networks/network-builder.js";
import type { HeadSlot, StageContext } from "./context.js";
import { namedSlot, type SlotSource, slotOfStage } from "./slot-source.js";
import { describeOutputs, weightDifference } from "./slots.js";

export interface HeadRequest {
  readonly encoder: Network;
  readonly classes: number;
  /** The split whose classes the head scores: `birds.train`. */
  readonly labels: string;
}

/** The layers of a head, and the slot of the stage that they come from. */
interface HeadLayers {
  readonly layers: readonly ast.Layer[];
  readonly scope: Scope;
  readonly from: Slot<Network>["from"];
  readonly inherited: HeadSlot | undefined;
}

/** Returns the head over these classes, or undefined after a report. */
export function resolveHead(source: SlotSource, request: HeadRequest, context: StageContext): HeadSlot | undefined {
  const { line, scope: written, span } = source;
  const { checker } = written;
  const found = headLayers(source, request, context);
  if (found === undefined) return undefined;
  const { layers, scope, from, inherited } = found;
  const input = headInput(request, source);
  if (input === undefined) return undefined;
  const axes = new Map([["class", request.classes]]);
  const value = elaborateNetwork({ name: "head", layers, input, scope, axes, generic: false, span });
  if (value === undefined) return undefined;
  const stage = context.decl.name.text;
  const out = (Object.values(value.outputs)[0] ?? []).map((axis) => axis.name);
  if (out.length !== 1 || out[0] !== "class") {
    const why = `it gives [${out.join(", ")}] where one score per class is needed`;
    checker.report("FSL5011", span, { slot: "head", stage, why }, { help: ["end it with `linear(class)`"] });
    return undefined;
  }
  const why = inherited === undefined ? undefined : weightDifference(inherited.value.weights, value.weights);
  if (why !== undefined) {
    checker.report("FSL5011", span, { slot: "head", stage, why });
    return undefined;
  }
  return { value, layers, scope, labels: request.labels, from, frozen: line?.frozen === true, span };
}

function headLayers(source: SlotSource, { labels }: HeadRequest, context: StageContext): HeadLayers | undefined {
  const named = namedSlot(source, "head");
  if (named === reported) return undefined;
  if (named === undefined) return declaredLayers(source);
  const inherited = slotOfStage(named, "head", source, context);
  if (inherited === undefined) return undefined;
  if (inherited.labels !== labels) {
    const why = `it scores the classes of \`${inherited.labels}\`, and this stage has those of \`${labels}\``;
    const holes = { slot: "head", stage: context.decl.name.text, why };
    const made = [{ span: inherited.span, text: "it was made here" }];
    source.scope.checker.report("FSL5011", source.span, holes, { labels: made });
    return undefined;
  }
  const { layers, scope } = inherited;
  return { layers, scope, from: { stage: named.stage, slot: "head" }, inherited };
}

/** Returns the layers of `head linear(class)` or `head module { … }`. */
function declaredLayers({ line, scope }: SlotSource): HeadLayers | undefined {
  if (line === undefined) return undefined;
  const { value } = line;
  const own = { scope, from: undefined, inherited: undefined };
  if (value.kind === "call" && value.callee.kind === "ref")
    return { ...own, layers: [callAsLayer(value, value.callee)] };
  if (value.kind === "module") return { ...own, layers: value.layers };
  const found = evaluate(value, scope);
  if (found.kind === "anything") return undefined;
  const help = ["write `head linear(class)`"];
  scope.checker.report("FSL2019", value.span, { needed: "a head", found: describe(found) }, { help });
  return undefined;
}

/** Returns the axes of the encoder's vector, which a head takes. Reports FSL5013 if the encoder has no such output. */
function headInput({ encoder }: HeadRequest, { scope, span }: SlotSource): readonly Axis[] | undefined {
  const vector = encoder.outputs["vector"];
  if (vector !== undefined) return vector;
  const holes = { metric: "the head", form: "vector", encoder: encoder.name, outputs: describeOutputs(encoder) };
  scope.checker.report("FSL5013", span, holes, { help: ["name it in the backbone: `flatten as vector`"] });
  return undefined;
}
