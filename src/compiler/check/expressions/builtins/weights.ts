/** The function `weights`, which reads the weights of a network as values. */
import type { Span } from "../../../../../grammar/ast.js";
import { anything, type CallableValue, describe, type Value } from "../../core/values.js";
import { finishedNetwork } from "../finished-networks.js";
import { type BuiltinCall, requireCallFrame } from "./call.js";

/** Stands for the number of weights of a network whose layers are not known. It is a prime, so that no other size equals it by chance. */
const unknownWeights = 7907;

/** Returns the trainable weights of a network end to end: `weights(encoder as w)`. Adapted weights have their adapted values. */
export function weights(call: BuiltinCall): Value {
  const { scope, span } = call;
  const frame = requireCallFrame(call);
  const [arg] = call.args;
  const [as] = call.as;
  if (frame === undefined || arg === undefined || as === undefined) return anything(span);
  const callable = networkOf(arg.value, call, arg.span);
  if (callable === undefined) return anything(span);
  const network = callable.known();
  const size = (network?.weights ?? []).reduce(
    (sum, { shape, trainable }) => sum + (trainable ? shape.reduce((a, b) => a * b, 1) : 0),
    0,
  );
  if (size === 0 && !frame.generic) {
    scope.checker.report("FSL3009", arg.span, {
      what: "what `weights` takes",
      expected: "a network with weights",
      found: network === undefined ? "one that nothing has called so far" : "one without any",
    });
    return anything(span);
  }
  const axis = { name: as.name, size: size || unknownWeights };
  return frame.tensor(span, "real", [axis], { k: "weights", target: callable.target, as: as.name });
}

/** Returns a network of the stage or of a finished stage. Reports FSL2019 for any other value. */
function networkOf(value: Value, { scope }: BuiltinCall, at: Span): CallableValue | undefined {
  if (value.kind === "callable") return value;
  if (value.kind === "stageSlot") return finishedNetwork(value, at, scope);
  if (value.kind !== "anything")
    scope.checker.report("FSL2019", at, {
      needed: "a network, such as `encoder` or `base.head`",
      found: describe(value),
    });
  return undefined;
}
