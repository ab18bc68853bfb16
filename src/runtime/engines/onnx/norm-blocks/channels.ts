/** Operations per channel on images x [n, c, h, w], whose n images may form `groups` equal runs with their own values. */
import type { Node } from "../../../../compiler/tensor/ir.js";
import type { Ops } from "../../../../compiler/tensor/ops.js";
import type { Activation, ActivationGradient } from "./patterns.js";

/** Returns x times `sign` along `axis`, or x if there is no sign. */
export function withSign(o: Ops, x: Node, sign: Node | undefined, axis: number): Node {
  return sign !== undefined ? o.mul(x, o.broadcast(sign, x.shape, [axis])) : x;
}

/** Returns 1 where gamma ≥ 0, else −1. */
export function signOf(o: Ops, gamma: Node): Node {
  const one = o.full(gamma.shape, 1);
  return o.select(o.ge(gamma, 0), one, o.neg(one));
}

/** Returns x·scale + shift; both are [groups, c]. */
export function affine(o: Ops, x: Node, scale: Node, shift: Node): Node {
  const [groups = 1, c = 1] = scale.shape;
  if (groups === 1) return o.channelAffine(x, o.reshape(scale, [c]), o.reshape(shift, [c]));
  const view = groupedView(o, x, groups);
  const spread = (values: Node) => o.broadcast(values, view.shape, [0, 2]);
  return o.reshape(o.add(o.mul(view, spread(scale)), spread(shift)), x.shape);
}

/** Returns x times or minus `values` [groups, c]. */
export function perGroup(o: Ops, op: "mul" | "sub", x: Node, values: Node): Node {
  const [groups = 1, c = 1] = values.shape;
  if (groups === 1) return o[op](x, o.broadcast(o.reshape(values, [c]), x.shape, [1]));
  const view = groupedView(o, x, groups);
  return o.reshape(o[op](view, o.broadcast(values, view.shape, [0, 2])), x.shape);
}

/** Returns the sums over the places and the images of a group, [groups, c]. */
export function groupSum(o: Ops, x: Node, groups: number): Node {
  return o.sum(groupedView(o, x, groups), [1, 3]);
}

/** Returns x as [groups, n/groups, c, h·w]. */
function groupedView(o: Ops, x: Node, groups: number): Node {
  const [n = 1, c = 1, h = 1, w = 1] = x.shape;
  return o.reshape(x, [groups, n / groups, c, h * w]);
}

/** Applies the activation, if there is one. */
export function activate(o: Ops, activation: Activation | undefined, x: Node): Node {
  if (activation === undefined) return x;
  return activation.op === "relu" ? o.relu(x) : o.leakyRelu(x, activation.attrs.slope);
}

/** Returns the gradient of an activation at x; `like` gives the op and its slope. */
export function activationGradient(o: Ops, like: ActivationGradient, x: Node, dy: Node): Node {
  if (like.op === "leaky_relu_grad") return o.graph.op("leaky_relu_grad", [x, dy], like.attrs);
  return o.graph.op("relu_grad", [x, dy], {});
}
