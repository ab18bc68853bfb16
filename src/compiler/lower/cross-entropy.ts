/** Cross-entropy of logits or probabilities. */
import { type NamedOps, type NamedTensor, sizeOf } from "./named-tensor.js";

/** Probabilities below this count as this, so that their logarithm is finite. */
const leastProbability = 1e-30;

/** Returns 1 (f32) where the index along `name` is x, and 0 elsewhere. */
export function oneHot(ops: NamedOps, x: NamedTensor, name: string, size: number): NamedTensor {
  return ops.cast(ops.compare("eq", x, ops.iota({ name, size })), "f32");
}

/**
 * Returns −log of the probability of label `y`, which is an index into `axis`. The result has no `axis`.
 */
export function crossEntropy(
  ops: NamedOps,
  z: NamedTensor,
  y: NamedTensor,
  axis: string,
  from: "logits" | "probabilities",
): NamedTensor {
  if (from === "logits") {
    // A class that a mask excludes has the logit −∞, and 0 · ∞ is NaN. So `select` leaves out every class but the label.
    const isLabel = ops.compare("eq", y, ops.iota({ name: axis, size: sizeOf(z, axis) }));
    const logs = ops.softmaxOver("log_softmax", z, [axis]);
    return ops.neg(ops.sum(ops.select(isLabel, logs, ops.scalar(0)), [axis]));
  }
  const target = oneHot(ops, y, axis, sizeOf(z, axis));
  const probability = ops.sum(ops.mul(target, z), [axis]);
  return ops.neg(ops.unary("log", ops.binary("max", probability, ops.scalar(leastProbability))));
}
