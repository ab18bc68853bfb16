/** Derivatives of ops that move elements or reduce over axes. Each is the transposed movement. */
import type { Node, OpAttrs, PrimitiveName } from "../ir.js";
import type { Ops } from "../ops.js";
import { type DerivativeRules, flat, operands } from "./rule.js";

/** Returns the transpose of a slice: dy in its places of `x`, and zeros elsewhere. */
function unslice(o: Ops, x: Node, dy: Node, { start, limit, stride }: OpAttrs["slice"]): Node {
  const spaced = dy.shape.map((size, axis) => size * Number(stride[axis]));
  let out = dy;
  if (stride.some((step) => step > 1)) {
    // Each element becomes the first of a run of `stride` elements. The last run may reach past the limit.
    const heads = dy.shape.flatMap((size) => [size, 1]);
    const tail = stride.flatMap((step) => [0, step - 1]);
    const runs = o.pad(
      o.reshape(dy, heads),
      heads.map(() => 0),
      tail,
    );
    const kept = dy.shape.map((size, axis) => (size === 0 ? 0 : (size - 1) * Number(stride[axis]) + 1));
    out = o.slice(
      o.reshape(runs, spaced),
      kept.map(() => 0),
      kept,
    );
  }
  const high = x.shape.map((size, axis) => size - Number(start[axis]) - Number(out.shape[axis]));
  const empty = limit.map((to, axis) => to === start[axis]);
  return empty.some(Boolean) ? o.zerosLike(x) : o.pad(out, start, high);
}

export const structureDerivatives = {
  reshape: (o, y, dy) => [() => o.reshape(dy, operands(y)[0].shape)],
  transpose: (o, y, dy) => [
    () =>
      o.transpose(
        dy,
        y.attrs.perm.map((_, axis) => y.attrs.perm.indexOf(axis)),
      ),
  ],
  broadcast: (o, y, dy) => [
    () =>
      o.sum(
        dy,
        y.shape.map((_, axis) => axis).filter((axis) => !y.attrs.dims.includes(axis)),
      ),
  ],
  slice: (o, y, dy) => [() => unslice(o, operands(y)[0], dy, y.attrs)],
  pad: (o, y, dy) => [
    () => {
      const [x] = operands(y);
      return o.slice(
        dy,
        y.attrs.low,
        y.attrs.low.map((low, axis) => low + Number(x.shape[axis])),
      );
    },
  ],
  concat: (o, y, dy) => {
    const { axis } = y.attrs;
    let end = 0;
    return y.inputs.map((part) => {
      const start = end;
      end += Number(part.shape[axis]);
      const limit = end;
      return () => o.sliceAxis(dy, axis, start, limit);
    });
  },
  reverse: (o, y, dy) => [() => o.reverse(dy, y.attrs.axes)],
  gather: (o, y, dy) => {
    const [x, indices] = operands(y);
    const { axis, batch } = y.attrs;
    return [() => o.scatterAdd(dy, indices, axis, Number(x.shape[axis]), batch), "none"];
  },
  scatter_add: (o, y, dy) => [() => o.gather(dy, operands(y)[1], y.attrs.axis, y.attrs.batch), "none"],
  stop_gradient: flat(1),
  reduce_sum: (o, y, dy) => [() => o.spread(dy, operands(y)[0].shape, y.attrs.axes)],
  // Equal maxima share equally. Each engine compares its own x with its own y, so all engines find the same places.
  reduce_max: (o, y, dy) => [
    () => {
      const [x] = operands(y);
      const { axes } = y.attrs;
      const wins = o.eq(x, o.spread(y, x.shape, axes));
      const share = o.div(dy, o.sum(o.cast(wins, "f32"), axes));
      return o.select(wins, o.spread(share, x.shape, axes), 0);
    },
  ],
  argmax: flat(1),
  top_k: flat(1),
} satisfies Partial<DerivativeRules<PrimitiveName>>;
