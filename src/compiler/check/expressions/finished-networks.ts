/** A stage or a slot of a stage as a network that a body can call: `base`, `base.encoder`, `base.head`. */
import type { Span } from "../../../../grammar/ast.js";
import type { Scope } from "../core/scope.js";
import { requireFrame } from "../core/tensors.js";
import { type CallableValue, describe, type StageSlotValue, type StageValue } from "../core/values.js";

/** Returns the network, whose axes are known from then on, or undefined after a report. A metric of a stage is no network. */
export function finishedNetwork(value: StageValue | StageSlotValue, at: Span, scope: Scope): CallableValue | undefined {
  const frame = requireFrame(scope, at, "a call of a network");
  if (frame === undefined) return undefined;
  const [stage, slot] = value.kind === "stage" ? [value.id, undefined] : [value.stage, value.slot];
  if (slot === "metric") {
    scope.checker.report("FSL2019", at, { needed: "a network of a stage", found: describe(value) });
    return undefined;
  }
  const callable = scope.checker.finished.callable(stage, slot, at, frame.options);
  // The classes of a head have no size in a body before the head is met.
  for (const axes of Object.values(callable?.known()?.outputs ?? {}))
    for (const { name, size } of axes) if (frame.known(name) === undefined) frame.defineAxis(name, size);
  return callable;
}
