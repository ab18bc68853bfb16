/** Lowering rules for convolutions and their gradients. Images are [n, h, w, c], filters [h, w, c/groups, o]. */
import type { ConvAttrs, Node, OpName, Window } from "../../../../compiler/tensor/ir.js";
import { imageRuns } from "../../sums.js";
import { type Attribute, intAttribute, stringAttribute } from "../binding.js";
import { type Emitter, inLayout, type Slot } from "../emitter.js";
import { images, operand, type Rules, whole } from "./rule.js";

type Pair = readonly [number, number];

/** Returns the attributes for the padding: VALID or SAME, which have their own kernels, if they mean the same amounts, else the amounts. */
export function paddingAttributes(
  input: Pair,
  kernel: Pair,
  { stride, pad }: Pick<Window, "stride" | "pad">,
): Attribute[] {
  const [top, left, bottom, right] = pad;
  if (pad.every((amount) => amount === 0)) return [stringAttribute("padding", "VALID")];
  const same = [
    [top, bottom],
    [left, right],
  ].every(([before, after], axis) => {
    const [size = 1, window = 1, step = 1] = [input[axis], kernel[axis], stride[axis]];
    const total = Math.max((Math.ceil(size / step) - 1) * step + window - size, 0);
    return before === Math.floor(total / 2) && after === total - Math.floor(total / 2);
  });
  if (same) return [stringAttribute("padding", "SAME")];
  return [
    stringAttribute("padding", "EXPLICIT"),
    intAttribute("explicit_paddings", [0, 0, top, bottom, left, right, 0, 0]),
  ];
}

export const strides = ([down, along]: Pair): Attribute => intAttribute("strides", [1, down, along, 1]);

export const conv = {
  conv2d: (e, node) => {
    const [x, filters] = [operand(node, 0), operand(node, 1)];
    const attributes = convAttributes(node.attrs, spatial(x), spatial(filters));
    const inputs = [e.full(x, "nhwc"), e.full(filters, "hwio")];
    const make = (parts: readonly Slot[]) => e.op("Conv2D", parts, attributes);
    if (node.attrs.groups === 1 || e.kernels.grouped) return whole(node, make(inputs), "nhwc");
    return whole(node, inGroups(e, inputs, node.attrs.groups, make), "nhwc");
  },
  conv2d_input_grad: (e, node) => {
    const [dy, filters] = [operand(node, 0), operand(node, 1)];
    const { groups } = node.attrs;
    const attributes = convAttributes(node.attrs, spatial(node), spatial(filters));
    const [n, c, h, w] = images(node);
    const inputs = [e.full(dy, "nhwc"), e.full(filters, "hwio")];
    const make = (channels: number) => (parts: readonly Slot[]) => {
      const [gradient = 0, filter = 0] = parts;
      return e.op("Conv2DBackpropInput", [e.ints([n, h, w, channels]), filter, gradient], attributes);
    };
    if (groups === 1 || hasGroupedGradients(e, attributes)) return whole(node, make(c)(inputs), "nhwc");
    return whole(node, inGroups(e, inputs, groups, make(c / groups)), "nhwc");
  },
  conv2d_filter_grad: (e, node) => {
    const [x, dy] = [operand(node, 0), operand(node, 1)];
    const { groups } = node.attrs;
    const attributes = convAttributes(node.attrs, spatial(x), spatial(node));
    const [kh = 1, kw = 1, inner = 1, o = 1] = inLayout("hwio", node.shape);
    const inputs = [e.full(x, "nhwc"), e.full(dy, "nhwc")];
    const runs = imageRuns(dy.shape, termLimit);
    const make = (filters: number) => (parts: readonly Slot[]) => {
      const [images = [], gradients = []] = parts.map((part) => e.split(part, 0, runs));
      const sizes = e.ints([kh, kw, inner, filters]);
      return e.sum(
        images.map((run, i) => e.op("Conv2DBackpropFilter", [run, sizes, gradients[i] as Slot], attributes)),
      );
    };
    if (groups === 1 || hasGroupedGradients(e, attributes)) return whole(node, make(o)(inputs), "hwio");
    return whole(node, inGroups(e, inputs, groups, make(o / groups)), "hwio");
  },
} satisfies Partial<Rules<OpName>>;

/** The largest number of terms that one kernel sums well into the gradient of a filter. */
const termLimit = 2 ** 19;

function spatial(node: Node): Pair {
  const [, , h, w] = images(node);
  return [h, w];
}

function convAttributes(attrs: ConvAttrs, input: Pair, kernel: Pair): Attribute[] {
  return [strides(attrs.stride), ...paddingAttributes(input, kernel, attrs)];
}

/** Tells whether there are gradient kernels for convolutions in groups. On CPUs they are those of oneDNN, which do not take explicit padding. */
function hasGroupedGradients(e: Emitter, attributes: readonly Attribute[]): boolean {
  return e.kernels.groupedGradients && !attributes.some(({ value }) => value === "EXPLICIT");
}

/** Emits one op for each group. The last axis of both operands is split, and that of the results concatenated. */
function inGroups(e: Emitter, operands: readonly Slot[], groups: number, make: (parts: readonly Slot[]) => Slot): Slot {
  const parts = operands.map((slot) => e.split(slot, 3, groups));
  const results = Array.from({ length: groups }, (_, group) => make(parts.map((part) => part[group] as Slot)));
  return e.concat(results, 3, "f32");
}
