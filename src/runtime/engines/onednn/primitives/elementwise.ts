/** Element-wise ops on large tensors, where a primitive on all threads is faster than a loop in JavaScript. */
import type { Node } from "../../../../compiler/tensor/ir.js";
import { operand } from "../../lowering.js";
import type { Builder } from "../builder.js";
import { algorithm, propagation } from "../constants.js";
import { type BinaryNode, type ChannelValues, channelValues } from "../elementwise-choice.js";
import type { Held } from "../held.js";
import type { Pointer } from "../library.js";

function maskedGradient(b: Builder, node: Node<"relu_grad">): void {
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

/** Computes a sum, a difference or a product. */
function combine(b: Builder, node: BinaryNode): void {
  const [left, right] = [operand(node, 0), operand(node, 1)];
  const [ofLeft, ofRight] = [channelValues(left), channelValues(right)];
  if (ofRight !== undefined) combineChannels(b, node, b.anyHeld(left), ofRight);
  else if (ofLeft !== undefined) combineChannels(b, node, b.anyHeld(right), ofLeft);
  else combineTensors(b, node, left, right);
}

function combineTensors(b: Builder, node: BinaryNode, left: Node, right: Node): void {
  const [first, second] = [b.anyHeld(left), b.anyHeld(right)];
  const { layout } = first.layout.plain ? second : first;
  const description = layout.description as Pointer;
  const [x, y] = [left, right].map((each) => b.native(each, node.shape, description)) as [Held, Held];
  const primitive = describe(b, node, description, description);
  if (primitive === undefined) {
    b.computeByLoop(node);
    return;
  }
  const slot = b.result(node, layout);
  b.addPrimitive(
    node.op,
    primitive,
    [b.argument("source", x), b.argument("source1", y)],
    [b.argument("result", { slot, layout })],
  );
  b.library.call("destroyPrimitiveDescription", primitive);
}

/** Combines images with one value for each channel, in each group of images. */
function combineChannels(b: Builder, node: BinaryNode, images: Held, { values, groups }: ChannelValues): void {
  const { layouts } = b;
  const { layout } = images;
  const [n = 1, c = 1, ...size] = node.shape;
  const group = layouts.part(layout, [n / groups, c, ...size]);
  // Blocks of one pixel are in the order of channels. oneDNN is fast only if both operands have blocks.
  const hasBlocks = (layout.factors?.[1]?.length ?? 1) > 1;
  const channels =
    (hasBlocks ? layouts.blockedImages([1, c, 1, 1]) : undefined) ?? layouts.strided([1, c, 1, 1], [c, 1, 1, 1]);
  const perChannel = b.plain(values);
  const primitive = describe(b, node, group, channels);
  if (primitive === undefined) {
    b.computeByLoop(node);
    return;
  }
  b.keepDescription(primitive);
  const slot = b.result(node, layout);
  for (let index = 0; index < groups; index++) {
    const offset = (index * layout.bytes) / groups;
    b.addPrimitive(
      node.op,
      primitive,
      [
        { argument: "source", slot: images.slot, description: group, offset },
        { argument: "source1", slot: perChannel, description: channels, offset: index * c * 4 },
      ],
      [{ argument: "result", slot, description: group, offset }],
    );
  }
}

/** Describes the primitive, or returns undefined if the library has no fast one. */
function describe(b: Builder, node: BinaryNode, images: Pointer, other: Pointer): Pointer | undefined {
  const { library } = b;
  const description = library.make("binary", library.engine, algorithm[node.op], images, other, images, null);
  if (!library.isImplementedBy(description, "ref")) return description;
  library.call("destroyPrimitiveDescription", description);
  return undefined;
}

/** Computes one of the nodes that `elementwisePrimitives` chooses. */
export function computeByPrimitive(b: Builder, node: Node): void {
  if (node.op === "relu_grad") maskedGradient(b, node);
  else combine(b, node as BinaryNode);
}
