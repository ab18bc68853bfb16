/** The function `weights`, which reads the weights of a network as values. */
import { anything, describe, type Value } from "../../core/values.js";
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
