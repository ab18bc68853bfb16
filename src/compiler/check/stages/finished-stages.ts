/** Gives losses and metrics the networks of finished stages: `base(x)`, `base.encoder(x)`, `weights(base.head as w)`. */
import type { Span } from "../../../../grammar/ast.js";
import type { Axis, Borrowed, Network } from "../../typed/tree.js";
import type { Checker } from "../core/checker.js";
import type { CallingPlace, FinishedStages } from "../core/finished-stages.js";
import type { CallableValue } from "../core/values.js";
import { genericContext, genericHead } from "../metrics/metric-context.js";
import type { StageLookup, StageSlots } from "./context.js";

type Slot = Borrowed["slot"];

export function finishedStages(stages: StageLookup, checker: Checker): FinishedStages {
  /** Returns the network in the slot, or undefined after a report. */
  const network = (id: string, slot: Slot, at: Span): Network | undefined => {
    const slots = stages.slotsOf(id, at);
    if (slots === undefined) return undefined;
    const found = slots[slot]?.value;
    if (found === undefined)
      checker.report("FSL2019", at, { needed: `a stage with ${articled[slot]}`, found: `\`${id}\`, which has none` });
    return found;
  };
  return {
    network,
    callable(id, slot, at, place) {
      if (place.generic === true)
        return callableOf(id, slot, slot === "encoder" ? genericContext.encoder : genericHead, at);
      const found = network(id, slot ?? "head", at);
      const slots = stages.slotsOf(id, at);
      if (found === undefined || slots === undefined) return undefined;
      return fits(id, slot, slots, at, place, checker) ? callableOf(id, slot, found, at) : undefined;
    },
  };
}

const articled: Readonly<Record<Slot, string>> = { encoder: "an encoder", head: "a head" };

/** Returns whether a stage gives what the place of the call works with. Reports FSL3028 for other classes and FSL3009 for other images. */
function fits(
  id: string,
  slot: Slot | undefined,
  slots: StageSlots,
  at: Span,
  place: CallingPlace,
  checker: Checker,
): boolean {
  const { head, encoder } = slots;
  const { labels, image } = place;
  if (slot === undefined && head !== undefined && labels !== undefined && head.labels !== labels) {
    checker.report("FSL3028", at, { left: head.labels, right: labels });
    return false;
  }
  const own = slot === "head" ? undefined : encoder?.value.input;
  if (own !== undefined && image !== undefined && pixels(own) !== pixels(image)) {
    checker.report("FSL3009", at, {
      what: `what \`${id}\` is called with`,
      expected: `images of ${pixels(own)}`,
      found: `some of ${pixels(image)}`,
    });
    return false;
  }
  return true;
}

function callableOf(stage: string, slot: Slot | undefined, network: Network, at: Span): CallableValue {
  return {
    kind: "callable",
    target: { kind: "stage", stage, ...(slot === undefined ? {} : { slot }) },
    network: () => network,
    known: () => network,
    gives: slot === "encoder" ? "outputs" : "logits",
    norm: "running",
    span: at,
  };
}

const pixels = (image: readonly Axis[]): string => image.map(({ size }) => size).join(" × ");
