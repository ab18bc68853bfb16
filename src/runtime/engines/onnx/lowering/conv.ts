/** Convolutions and their gradients. */
import type { ConvAttrs, Node, OpName } from "../../../../compiler/tensor/ir.js";
import type { Emitter } from "../emitter.js";
import { images, operand, type Rules, whole } from "./rule.js";

export function convolve(e: Emitter, inputs: readonly string[], attrs: ConvAttrs, kernel: readonly number[]): string {
  return e.op("Conv", inputs, {
    strides: attrs.stride,
    pads: attrs.pad,
    group: attrs.groups,
    kernel_shape: kernel,
  });
}

export const conv = {
  conv2d: (e, node) => {
    const [x, filters] = [operand(node, 0), operand(node, 1)];
    return whole(node, convolve(e, [e.full(x), e.full(filters)], node.attrs, filters.shape.slice(2)));
  },
  conv2d_input_grad: (e, node) => whole(node, inputGradient(e, node)),
  conv2d_filter_grad: (e, node) => whole(node, filterGradient(e, node)),
} satisfies Partial<Rules<OpName>>;

/**
 * At stride 1 a convolution of dy with the kernels flipped and in/out exchanged, as fast as the forward one; else
 * ORT's ConvTranspose.
 */
function inputGradient(e: Emitter, node: Node<"conv2d_input_grad">): string {
  const [dy, filters] = [operand(node, 0), operand(node, 1)];
  const { stride, pad, groups, inputSize } = node.attrs;
  const [, , kh, kw] = images(filters);
  const [, , oh, ow] = images(dy);
  const [top, left, bottom, right] = pad;
  if (stride[0] === 1 && stride[1] === 1 && top < kh && left < kw && bottom < kh && right < kw) {
    const flipped = flippedFilters(e, filters, groups);
    const pads = [kh - 1 - top, kw - 1 - left, kh - 1 - bottom, kw - 1 - right] as const;
    return convolve(e, [e.full(dy), flipped], { stride, pad: pads, groups }, [kh, kw]);
  }
  const spare = [
    inputSize[0] - ((oh - 1) * stride[0] + kh - top - bottom),
    inputSize[1] - ((ow - 1) * stride[1] + kw - left - right),
  ];
  return e.op("ConvTranspose", [e.full(dy), e.full(filters)], {
    strides: stride,
    pads: pad,
    group: groups,
    kernel_shape: [kh, kw],
    output_padding: spare,
  });
}

/** [o, c/g, kh, kw] → [c, o/g, kh, kw], both kernel axes reversed. */
function flippedFilters(e: Emitter, filters: Node, groups: number): string {
  return e.once(filters, `flipped ${groups}`, () => {
    const [o, inner, kh, kw] = images(filters);
    const parted = e.reshape(e.full(filters), [groups, o / groups, inner, kh * kw]);
    const reversed = kh * kw === 1 ? parted : e.slice(parted, [3], [-1], [-(2 ** 31)], [-1]);
    return e.reshape(e.transpose(reversed, [0, 2, 1, 3]), [groups * inner, o / groups, kh, kw]);
  });
}

/** One batched matrix product over all kernel offsets: dy [n·g, o/g, hw] × shifted x [n·g, k·c/g, hw]ᵀ, summed over n. */
function filterGradient(e: Emitter, node: Node<"conv2d_filter_grad">): string {
  const [x, dy] = [operand(node, 0), operand(node, 1)];
  const { stride, pad, groups, filterSize } = node.attrs;
  const [n, c, h, w] = images(x);
  const [, o, oh, ow] = images(dy);
  const [kh, kw] = filterSize;
  const [top, left, bottom, right] = pad;
  const padded = pad.every((amount) => amount === 0)
    ? e.full(x)
    : e.op("Pad", [e.full(x), e.ints([0, 0, top, left, 0, 0, bottom, right])]);
  const shifted: string[] = [];
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      const [lastRow, lastColumn] = [i + (oh - 1) * stride[0] + 1, j + (ow - 1) * stride[1] + 1];
      const everything = i === 0 && j === 0 && lastRow === h + top + bottom && lastColumn === w + left + right;
      const part = everything ? padded : e.slice(padded, [2, 3], [i, j], [lastRow, lastColumn], stride);
      shifted.push(e.reshape(part, [n, groups, c / groups, oh * ow]));
    }
  }
  const columns = shifted.length === 1 ? (shifted[0] ?? "") : e.op("Concat", shifted, { axis: 2 });
  const gradients = e.reshape(e.full(dy), [n, groups, o / groups, oh * ow]);
  const products = e.msOp("FusedMatMul", [gradients, columns], { transB: 1 });
  const summed = e.reduce("ReduceSum", products, [0]);
  if (kh * kw === 1) return e.reshape(summed, node.shape);
  const parted = e.reshape(summed, [o, kh * kw, c / groups]);
  return e.reshape(e.transpose(parted, [0, 2, 1]), node.shape);
}
