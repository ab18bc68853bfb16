/** Multiplies a scale and a shift per channel after a convolution into its filters and its bias, which are smaller. */
import type { Node } from "../../compiler/tensor/ir.js";
import type { Ops } from "../../compiler/tensor/ops.js";

/** Tells whether the node is a convolution, with or without a bias, that only one node reads. */
export function isConvReadOnce(node: Node | undefined, users: ReadonlyMap<Node, number>): boolean {
  if (node === undefined || users.get(node) !== 1) return false;
  return (
    node.op === "conv2d" ||
    (node.op === "add" && node.inputs[0]?.op === "conv2d" && isConvReadOnce(node.inputs[0], users))
  );
}

/** affine(conv(x, w) + b) = conv(x, w·scale) + (b·scale + shift) */
export function foldAffineIntoConv(o: Ops, [x, scale, shift]: readonly Node[]): Node | undefined {
  if (x === undefined || scale === undefined || shift === undefined) return undefined;
  const [conv, bias] = x.op === "add" ? x.inputs : [x, undefined];
  if (conv?.op !== "conv2d") return undefined;
  const [images, filters] = conv.inputs;
  if (images === undefined || filters === undefined) return undefined;
  if (bias !== undefined && (bias.op !== "broadcast" || bias.attrs.dims.join() !== "1")) return undefined;
  const vector = bias?.inputs[0];
  const moved = vector === undefined ? shift : o.add(o.mul(vector, scale), shift);
  const scaled = o.conv2d(images, o.mul(filters, o.broadcast(scale, filters.shape, [0])), conv.attrs);
  return o.add(scaled, o.broadcast(moved, x.shape, [1]));
}
