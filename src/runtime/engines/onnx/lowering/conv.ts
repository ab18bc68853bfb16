/** Convolutions and their gradients. */
import type { ConvAttrs, Node, OpName } from "../../../../compiler/tensor/ir.js";
import type { Emitter } from "../emitter.js";
import { images, operand, type Rules, whole } from "./rule.js";

/** Emits the convolution of x [n, c, h, w] with filters [o, c/g, kh, kw]. It uses blocked channels if their numbers are multiples of the block. */
export function convolve(
  e: Emitter,
  x: string,
  filters: string,
  bias: string | undefined,
  attrs: ConvAttrs,
  [o, inner, kh, kw]: readonly [number, number, number, number],
): string {
  const options = { strides: attrs.stride, pads: attrs.pad, group: attrs.groups, kernel_shape: [kh, kw] };
  const rest = bias === undefined ? [] : [bias];
  const { block } = e.options;
  if (block === 0 || attrs.groups !== 1 || inner % block !== 0 || o % block !== 0)
    return e.op("Conv", [x, filters, ...rest], options);
  const parted = e.reshape(filters, [o / block, block, inner / block, block, kh * kw]);
  const blocked = e.reshape(e.transpose(parted, [0, 2, 4, 3, 1]), [o, inner, kh, kw]);
  const result = e.blockOp("Conv", [e.blockOp("ReorderInput", [x]), blocked, ...rest], options);
  return e.blockOp("ReorderOutput", [result], { channels: o });
}

export const conv = {
  conv2d: (e, node) => {
    const [x, filters] = [operand(node, 0), operand(node, 1)];
    return whole(node, convolve(e, e.full(x), e.full(filters), undefined, node.attrs, images(filters)));
  },
  conv2d_input_grad: (e, node) => whole(node, inputGradient(e, node)),
  conv2d_filter_grad: (e, node) => whole(node, filterGradient(e, node)),
} satisfies Partial<Rules<OpName>>;

/**
 * Emits the gradient of a convolution's input. At stride 1 it is a convolution of dy with the kernels flipped and the channel axes
 * exchanged, as fast as the forward one. Otherwise it is ONNX Runtime's ConvTranspose.
 */
function inputGradient(e: Emitter, node: Node<"conv2d_input_grad">): string {
  const [dy, filters] = [operand(node, 0), operand(node, 1)];
  const { stride, pad, groups, inputSize } = node.attrs;
  const [o, inner, kh, kw] = images(filters);
  const [, , oh, ow] = images(dy);
  const [top, left, bottom, right] = pad;
  if (stride[0] === 1 && stride[1] === 1 && top < kh && left < kw && bottom < kh && right < kw) {
    const flipped = flippedFilters(e, filters, groups);
    const pads = [kh - 1 - top, kw - 1 - left, kh - 1 - bottom, kw - 1 - right] as const;
    const shape = [inner * groups, o / groups, kh, kw] as const;
    return convolve(e, e.full(dy), flipped, undefined, { stride, pad: pads, groups }, shape);
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

/** Turns filters [o, c/g, kh, kw] into [c, o/g, kh, kw], with both kernel axes reversed. */
function flippedFilters(e: Emitter, filters: Node, groups: number): string {
  return e.once(filters, `flipped ${groups}`, () => {
    const [o, inner, kh, kw] = images(filters);
    const parted = e.reshape(e.full(filters), [groups, o / groups, inner, kh * kw]);
    const reversed = kh * kw === 1 ? parted : e.slice(parted, [3], [-1], [-(2 ** 31)], [-1]);
    return e.reshape(e.transpose(reversed, [0, 2, 1, 3]), [groups * inner, o / groups, kh, kw]);
  });
}

const timesTransposed = (e: Emitter, a: string, b: string, rank: number): string =>
  e.product({ name: a, rank, transposed: false }, { name: b, rank, transposed: true });

/**
 * Returns the filter gradient, in the shape of the filters: dy·columnsᵀ summed over images. `columns` [n, g, k·c/g, h·w] holds the
 * elements of x under each kernel offset.
 */
export function filterProduct(
  e: Emitter,
  node: Node<"conv2d_filter_grad">,
  dy: string,
  columns: string,
  places: number,
) {
  const { groups } = node.attrs;
  const [o, inner, kh, kw] = images(node);
  const n = operand(node, 0).shape[0] ?? 1;
  const gradients = e.reshape(dy, [n, groups, o / groups, places]);
  const products = timesTransposed(e, gradients, columns, 4);
  const summed = e.reduce("ReduceSum", products, [0]);
  if (kh * kw === 1) return e.reshape(summed, node.shape);
  return e.reshape(e.transpose(e.reshape(summed, [o, kh * kw, inner]), [0, 2, 1]), node.shape);
}

/** Returns the elements of x [n, c, h, w] under each kernel offset, for output positions `stride` apart, as [n, g, k·c/g, oh·ow]. */
export function patchColumns(
  e: Emitter,
  x: string,
  shape: readonly [number, number, number, number],
  groups: number,
  offsets: readonly (readonly [number, number])[],
  stride: readonly [number, number],
  output: readonly [number, number],
): string {
  const [n, c, h, w] = shape;
  const parts = offsets.map(([i, j]) => {
    const end = [i + (output[0] - 1) * stride[0] + 1, j + (output[1] - 1) * stride[1] + 1] as const;
    const everything = i === 0 && j === 0 && end[0] === h && end[1] === w && stride[0] === 1 && stride[1] === 1;
    const part = everything ? x : e.slice(x, [2, 3], [i, j], end, stride);
    return e.reshape(part, [n, groups, c / groups, output[0] * output[1]]);
  });
  return parts.length === 1 ? (parts[0] ?? "") : e.op("Concat", parts, { axis: 2 });
}

export function paddedInput(e: Emitter, x: Node, pad: readonly [number, number, number, number]) {
  const [n, c, h, w] = images(x);
  const [top, left, bottom, right] = pad;
  const shape = [n, c, h + top + bottom, w + left + right] as const;
  if (pad.every((amount) => amount === 0)) return { name: e.full(x), shape };
  const name = e.once(x, `padded ${pad.join()}`, () =>
    e.op("Pad", [e.full(x), e.ints([0, 0, top, left, 0, 0, bottom, right])]),
  );
  return { name, shape };
}

export const kernelOffsets = ([kh, kw]: readonly [number, number]): [number, number][] =>
  Array.from({ length: kh * kw }, (_, k) => [Math.floor(k / kw), k % kw]);

function filterGradient(e: Emitter, node: Node<"conv2d_filter_grad">): string {
  const [x, dy] = [operand(node, 0), operand(node, 1)];
  const { stride, pad, groups, filterSize } = node.attrs;
  const [, , oh, ow] = images(dy);
  const [kh, kw] = filterSize;
  if (stride[0] === 1 && stride[1] === 1 && groups === 1 && kh * kw > 1) return shiftedProducts(e, node);
  const { name, shape } = paddedInput(e, x, pad);
  const columns = patchColumns(e, name, shape, groups, kernelOffsets(filterSize), stride, [oh, ow]);
  return filterProduct(e, node, e.full(dy), columns, oh * ow);
}

/**
 * Returns the filter gradient at stride 1, as products of kh copies of dy shifted by rows with kw copies of x shifted by columns.
 * Each kernel offset is one pair, so kh + kw copies are enough for kh·kw offsets.
 */
function shiftedProducts(e: Emitter, node: Node<"conv2d_filter_grad">): string {
  const [x, dy] = [operand(node, 0), operand(node, 1)];
  const [n, o, , ow] = images(dy);
  const [, c, h] = images(x);
  const [top, left, bottom, right] = node.attrs.pad;
  const [kh, kw] = node.attrs.filterSize;
  const places = (h + top + bottom) * ow;
  // For large filters on small feature maps, one product over all images is used, because a product per image would be larger
  // than the maps.
  const folded = kh * kw * o * c > (kh * o + kw * c) * places;
  const source = (of: Node) =>
    folded ? e.once(of, "images inside", () => e.transpose(e.full(of), [1, 0, 2, 3])) : e.full(of);
  const rows = Array.from({ length: kh }, (_, i) =>
    e.op("Pad", [source(dy), e.ints([0, 0, i, 0, 0, 0, kh - 1 - i, 0])]),
  );
  const stacked = rows.length === 1 ? (rows[0] ?? "") : e.op("Concat", rows, { axis: folded ? 0 : 1 });
  const gradients = e.reshape(stacked, folded ? [kh * o, n * places] : [n, kh * o, places]);
  const products = Array.from({ length: kw }, (_, j) => {
    // Negative amounts crop the columns that this offset does not reach.
    const shifted = e.op("Pad", [source(x), e.ints([0, 0, top, left - j, 0, 0, bottom, right - (kw - 1 - j)])]);
    const columns = e.reshape(shifted, folded ? [c, n * places] : [n, c, places]);
    const product = timesTransposed(e, gradients, columns, folded ? 2 : 3);
    return e.reshape(folded ? product : e.reduce("ReduceSum", product, [0]), [kh, o, c, 1]);
  });
  const joined = products.length === 1 ? (products[0] ?? "") : e.op("Concat", products, { axis: 3 });
  return e.transpose(joined, [1, 2, 0, 3]);
}
