/** Rewrite rules for movements of elements that can be merged or dropped. */
import type { Node, Shape } from "../ir.js";
import type { Ops } from "../ops.js";
import { elementCount, sameShape } from "../shape.js";
import type { RewriteRule } from "./rewrite.js";

const only = (node: Node): Node => node.inputs[0] as Node;
const rising = (axes: readonly number[]): boolean =>
  axes.every((axis, place) => place === 0 || axis > Number(axes[place - 1]));
/** Returns the axes of a shape with more than one element, in the order of `perm`. */
const wide = (shape: Shape, perm: readonly number[]): number[] => perm.filter((axis) => shape[axis] !== 1);

/** Returns `x` broadcast along `dims`, which need not rise: it is transposed first if they do not. */
function transposeAndBroadcast(o: Ops, x: Node, shape: Shape, dims: readonly number[]): Node {
  const order = dims.map((_, place) => place).sort((a, b) => Number(dims[a]) - Number(dims[b]));
  const turned = o.transpose(x, order);
  return o.broadcast(
    turned,
    shape,
    order.map((place) => Number(dims[place])),
  );
}

export const structureRules: readonly RewriteRule[] = [
  {
    name: "reshape of reshape; reshape to the same",
    on: ["reshape"],
    apply: (o, node) => {
      const x = only(node);
      if (sameShape(x.shape, node.shape)) return x;
      return x.op === "reshape" ? o.reshape(only(x), node.shape) : undefined;
    },
  },
  {
    name: "transpose of transpose; transpose that moves no element",
    on: ["transpose"],
    apply: (o, node) => {
      if (node.op !== "transpose") return undefined;
      const x = only(node);
      const { perm } = node.attrs;
      if (x.op === "transpose")
        return o.transpose(
          only(x),
          perm.map((axis) => Number(x.attrs.perm[axis])),
        );
      if (rising(wide(x.shape, perm))) return o.reshape(x, node.shape);
      if (x.op === "broadcast")
        return transposeAndBroadcast(
          o,
          only(x),
          node.shape,
          x.attrs.dims.map((axis) => perm.indexOf(axis)),
        );
      return undefined;
    },
  },
  {
    name: "broadcast of broadcast; broadcast that repeats nothing",
    on: ["broadcast"],
    apply: (o, node) => {
      if (node.op !== "broadcast") return undefined;
      const x = only(node);
      const { shape, dims } = node.attrs;
      if (elementCount(x.shape) === elementCount(shape)) return o.reshape(x, shape);
      if (x.op === "broadcast")
        return o.broadcast(
          only(x),
          shape,
          x.attrs.dims.map((axis) => Number(dims[axis])),
        );
      return undefined;
    },
  },
  {
    name: "sum of sum; sum of what a broadcast repeats",
    on: ["reduce_sum"],
    apply: (o, node) => {
      if (node.op !== "reduce_sum") return undefined;
      const x = only(node);
      const { axes } = node.attrs;
      if (axes.every((axis) => x.shape[axis] === 1)) return o.reshape(x, node.shape);
      if (x.op === "reduce_sum") {
        const outer = only(x)
          .shape.map((_, axis) => axis)
          .filter((axis) => !x.attrs.axes.includes(axis));
        return o.sum(only(x), [...x.attrs.axes, ...axes.map((axis) => Number(outer[axis]))]);
      }
      if (x.op !== "broadcast") return undefined;
      // An axis that only repeats becomes a factor. The others are summed before they are repeated.
      const repeated = axes.filter((axis) => !x.attrs.dims.includes(axis));
      if (repeated.length === 0) return undefined;
      const source = only(x);
      const summed = source.shape.map((_, axis) => axis).filter((axis) => axes.includes(Number(x.attrs.dims[axis])));
      const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
      const dims = x.attrs.dims.filter((axis) => !axes.includes(axis)).map((axis) => kept.indexOf(axis));
      const count = elementCount(repeated.map((axis) => Number(x.shape[axis])));
      return o.broadcast(o.mul(o.sum(source, summed), count), node.shape, dims);
    },
  },
  {
    name: "slice of all; reverse of reverse",
    on: ["slice", "reverse"],
    apply: (_, node) => {
      const x = only(node);
      if (node.op === "slice" && sameShape(x.shape, node.shape)) return x;
      const twice = node.op === "reverse" && x.op === "reverse" && x.attrs.axes.join() === node.attrs.axes.join();
      return twice ? only(x) : undefined;
    },
  },
];

/** Rules that are right only after every derivative is taken. */
export const finalRules: readonly RewriteRule[] = [
  { name: "stop_gradient has done its work", on: ["stop_gradient"], apply: (_, node) => only(node) },
];
