/** The weights of a network as values. */
import { anything, describe, type Value } from "../../core/values.js";
import { type BuiltinCall, requireCallFrame } from "./call.js";

/** How many weights a network has whose layers are not known: a prime, so that nothing else has this size by chance. */
const unknownWeights = 7907;

/** `weights(encoder as w)`: its trained weights end to end, those that a `minimize` has moved where they are now. */
export function weights(call: BuiltinCall): Value {
  const { scope, span } = call;
  const frame = requireCallFrame(call);
  const [arg] = call.args;
  const [as] = call.as;
  if (frame === undefined || arg === undefined || as === undefined) return anything(span);
  const { value } = arg;
  if (value.kind !== "callable" || value.target.kind === "stage") {
    scope.checker.report("FSL2019", arg.span, { needed: "a network of this stage", found: describe(value) });
    return anything(span);
  }
  const network = value.known();
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
  return frame.tensor(span, "real", [axis], { k: "weights", target: value.target, as: as.name });
}
