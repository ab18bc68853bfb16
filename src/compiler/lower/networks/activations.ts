/** Lowering of activation functions. */
import type { LayerOp } from "../../typed/tree.js";
import type { NamedOps, NamedTensor } from "../named-tensor.js";

export function activation(ops: NamedOps, op: Extract<LayerOp, { kind: "activation" }>, x: NamedTensor): NamedTensor {
  switch (op.fn) {
    case "relu":
    case "tanh":
      return ops.unary(op.fn, x);
    case "leaky_relu":
      return ops.of(ops.t.leakyRelu(x.node, op.slope ?? 0.01), x.axes);
    case "sigmoid":
      return sigmoid(ops, x);
    case "gelu":
      return ops.mul(ops.scale(x, 0.5), ops.add(ops.unary("erf", ops.scale(x, Math.SQRT1_2)), ops.scalar(1)));
    case "silu":
      return ops.mul(x, sigmoid(ops, x));
    case "identity":
      return x;
    default:
      return op.fn satisfies never;
  }
}

/** For larger x, 1 / (1 + e⁻ˣ) is 1 in f32. At this value eˣ is still finite. */
const saturated = 80;

/** Returns 1 / (1 + e⁻ˣ), computed as eˣ / (1 + eˣ). This does not overflow and keeps all digits near 0, so its logarithm is finite. */
export function sigmoid(ops: NamedOps, x: NamedTensor): NamedTensor {
  const power = ops.unary("exp", ops.binary("min", x, ops.scalar(saturated)));
  return ops.div(power, ops.add(power, ops.scalar(1)));
}
