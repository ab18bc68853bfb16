/** Lowering of layers that move or enlarge the pixels of maps. */
import type { ConvAttrs, Node } from "../../tensor/ir.js";
import type { Ops } from "../../tensor/ops.js";
import type { Axis, LayerOp } from "../../typed/tree.js";
import { axesOf, type NamedOps, type NamedTensor, sizeOf } from "../named-tensor.js";

/**
 * Returns the convolution of x [n, c, h, w] with filters whose elements are `dilation` pixels apart. It needs no op of its own:
 * pixels that lie a multiple of `dilation` apart form small maps of their own, and an ordinary convolution takes each of them.
 */
export function dilatedConv(t: Ops, x: Node, filters: Node, attrs: ConvAttrs, dilation: number): Node {
  const { pad, stride, groups } = attrs;
  const [n = 1, c = 1, h = 1, w = 1] = x.shape;
  const [o = 1, , kh = 1, kw = 1] = filters.shape;
  const [top, left, bottom, right] = pad;
  const padded = [h + top + bottom, w + left + right] as const;
  const counts = padded.map((side) => Math.ceil(side / dilation)) as [number, number];
  const spare = padded.map((side, i) => (counts[i] ?? 0) * dilation - side) as [number, number];
  const whole = t.pad(x, [0, 0, top, left], [0, 0, bottom + spare[0], right + spare[1]], 0);
  const apart = t.transpose(t.reshape(whole, [n, c, counts[0], dilation, counts[1], dilation]), [0, 3, 5, 1, 2, 4]);
  const small = t.reshape(apart, [n * dilation ** 2, c, counts[0], counts[1]]);
  const plain = { stride: [1, 1], pad: [0, 0, 0, 0], groups } as const;
  const [rows, columns] = [counts[0] - kh + 1, counts[1] - kw + 1];
  const found = t.reshape(t.conv2d(small, filters, plain), [n, dilation, dilation, o, rows, columns]);
  const together = t.reshape(t.transpose(found, [0, 3, 4, 1, 5, 2]), [n, o, rows * dilation, columns * dilation]);
  const limit = [padded[0] - dilation * (kh - 1), padded[1] - dilation * (kw - 1)] as const;
  return t.slice(together, [0, 0, 0, 0], [n, o, ...limit], [1, 1, ...stride]);
}

/** Returns the map with `factor` times as many rows and columns. */
export function upsampled(
  ops: NamedOps,
  { factor, mode }: Extract<LayerOp, { kind: "upsample" }>,
  x: NamedTensor,
): NamedTensor {
  return ["height", "width"].reduce(
    (map, axis) => (mode === "nearest" ? repeated(ops, map, axis, factor) : interpolated(ops, map, axis, factor)),
    x,
  );
}

function repeated(ops: NamedOps, x: NamedTensor, axis: string, factor: number): NamedTensor {
  const copies: Axis = { name: "·copy", size: factor };
  const axes = axesOf(x).flatMap((own) => (own.name === axis ? [own, copies] : [own]));
  return ops.merge(ops.expand(x, axes), [axis, copies.name], axis);
}

/** Interpolates between the centers of pixels; beyond the outermost centers their values continue, as in PyTorch without `align_corners`. */
function interpolated(ops: NamedOps, x: NamedTensor, axis: string, factor: number): NamedTensor {
  const size = sizeOf(x, axis);
  const rows = Array.from({ length: size * factor }, (_, i) => {
    const at = Math.min(Math.max((i + 0.5) / factor - 0.5, 0), size - 1);
    return Array.from({ length: size }, (_, j) => Math.max(0, 1 - Math.abs(at - j)));
  });
  const made: Axis = { name: "·made", size: size * factor };
  const weights = ops.constant(rows.flat(), [made, { name: axis, size }]);
  return ops.rename(ops.dot(x, weights, [axis]), [{ from: made.name, to: axis }]);
}
