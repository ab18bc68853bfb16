/** Lowering rules for pooling. As in TensorFlow, the first maximum of a window in row-major order gets the gradient. */
import type { Node, OpName, Window } from "../../../../compiler/tensor/ir.js";
import { type Attribute, boolAttribute, intAttribute, stringAttribute } from "../binding.js";
import type { Emitter, Slot } from "../emitter.js";
import { forwardPool } from "../related.js";
import { strides } from "./conv.js";
import { images, operand, type Rules, whole } from "./rule.js";

/** The lowest f32. It is the maximum of a window only if there is nothing else in it. */
const lowest = -3.4028234663852886e38;

/** The attributes of oneDNN's max pools, which remember the first maximum of each window in a workspace. */
const workspaceAttributes: readonly Attribute[] = [
  stringAttribute("_kernel", "MklNameChangeOp"),
  boolAttribute("workspace_enabled", true),
];

export const window = {
  max_pool: (e, node) => {
    const x = pad(e, operand(node, 0), node.attrs, lowest);
    if (!e.kernels.poolsWithWorkspace || !e.related.differentiatedPools.has(node))
      return whole(node, restoreNaNs(e, e.op("MaxPool", [x], poolAttributes(node.attrs))), "nhwc");
    const attributes = [...poolAttributes(node.attrs), ...workspaceAttributes];
    const [y = 0, winners = 0] = e.ops("_MklNativeMaxPool", [x], attributes, 2);
    e.once(node, "winners", () => winners);
    return whole(node, restoreNaNs(e, y), "nhwc");
  },
  max_pool_grad: (e, node) => {
    const [x, y, dy] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    const inputs = [pad(e, x, node.attrs, lowest), e.full(y, "nhwc"), e.full(dy, "nhwc")];
    const winners =
      e.kernels.poolsWithWorkspace && forwardPool(node) !== undefined ? e.made<Slot>(y, "winners") : undefined;
    const gradient =
      winners === undefined
        ? e.op("MaxPoolGrad", inputs, poolAttributes(node.attrs))
        : e.op("_MklNativeMaxPoolGrad", [...inputs, winners], [...poolAttributes(node.attrs), ...workspaceAttributes]);
    return whole(node, crop(e, node, node.attrs, gradient), "nhwc");
  },
  max_pool_take: (e, node) => {
    const [x, y, t] = [operand(node, 0), operand(node, 1), operand(node, 2)];
    const inputs = [pad(e, x, node.attrs, lowest), e.full(y, "nhwc"), pad(e, t, node.attrs, 0)];
    return whole(node, e.op("MaxPoolGradGrad", inputs, poolAttributes(node.attrs)), "nhwc");
  },
  avg_pool: (e, node) => {
    // TensorFlow leaves its own padding out of the mean, so the zeros are added before.
    const x = pad(e, operand(node, 0), node.attrs, 0);
    return whole(node, e.op("AvgPool", [x], poolAttributes(node.attrs)), "nhwc");
  },
  avg_pool_grad: (e, node) => {
    const [n, c, h, w] = images(node);
    const [top, left, bottom, right] = node.attrs.pad;
    const inputs = [e.ints([n, h + top + bottom, w + left + right, c]), e.full(operand(node, 0), "nhwc")];
    return whole(node, crop(e, node, node.attrs, e.op("AvgPoolGrad", inputs, poolAttributes(node.attrs))), "nhwc");
  },
} satisfies Partial<Rules<OpName>>;

function poolAttributes({ size: [h, w], stride }: Window): Attribute[] {
  return [intAttribute("ksize", [1, h, w, 1]), strides(stride), stringAttribute("padding", "VALID")];
}

/**
 * Turns the lowest number back into NaN. The kernels skip NaNs and return the lowest number for a window with nothing else, which
 * would hide that a network has diverged.
 */
function restoreNaNs(e: Emitter, y: Slot): Slot {
  return e.op("SelectV2", [e.op("Greater", [y, e.scalar(lowest)]), y, e.scalar(Number.NaN)]);
}

const isPadded = ({ pad }: Window): boolean => pad.some((amount) => amount !== 0);

function pad(e: Emitter, x: Node, attrs: Window, fill: number): Slot {
  if (!isPadded(attrs)) return e.full(x, "nhwc");
  const [top, left, bottom, right] = attrs.pad;
  return e.once(x, `padded ${attrs.pad.join()} ${fill}`, () => {
    const amounts = e.constant("i32", [4, 2], [0, 0, top, bottom, left, right, 0, 0]);
    return e.op("PadV2", [e.full(x, "nhwc"), amounts, e.scalar(fill)]);
  });
}

/** Removes the padding around the images of `node`. */
function crop(e: Emitter, node: Node, attrs: Window, slot: Slot): Slot {
  if (!isPadded(attrs)) return slot;
  const [n, c, h, w] = images(node);
  const [top, left] = attrs.pad;
  return e.op("Slice", [slot, e.ints([0, top, left, 0]), e.ints([n, h, w, c])]);
}
