/** Element-wise ops on large tensors, where a primitive on all threads is faster than a loop in JavaScript. */
import type { Node } from "../../../../compiler/tensor/ir.js";
import { elementCount } from "../../../../compiler/tensor/shape.js";
import { operand } from "../../lowering.js";
import type { Builder } from "../builder.js";
import { algorithm, propagation } from "../constants.js";

/** The number of elements from which oneDNN is called. */
const worthACall = 8192;

/** Tells whether the node is computed by a primitive. */
export const isElementwisePrimitive = (node: Node): node is Node<"relu_grad"> =>
  node.op === "relu_grad" && elementCount(node.shape) >= worthACall;

export function maskedGradient(b: Builder, node: Node<"relu_grad">): void {
  const [x, dy] = [operand(node, 0), operand(node, 1)];
  const { library } = b;
  const source = b.anyHeld(x);
  const { layout } = source;
  const { description: tensor } = layout;
  const hint = library.make(
    "elementwise",
    library.engine,
    propagation.training,
    algorithm.relu,
    tensor,
    tensor,
    0,
    0,
    null,
  );
  const description = library.make(
    "elementwiseBackward",
    library.engine,
    algorithm.relu,
    tensor,
    tensor,
    tensor,
    0,
    0,
    hint,
    null,
  );
  const gradient = tensor === undefined ? b.anyHeld(dy) : b.native(dy, dy.shape, tensor);
  const slot = b.result(node, layout);
  b.addPrimitive(
    "ReLU, gradient",
    description,
    [b.argument("source", source), b.argument("resultGradient", gradient)],
    [b.argument("sourceGradient", { slot, layout })],
  );
  for (const each of [description, hint]) library.call("destroyPrimitiveDescription", each);
}
