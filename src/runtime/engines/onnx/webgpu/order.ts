/** `argmax` and `top_k` by comparisons, because the provider cannot sort and its ArgMax returns 64-bit numbers. */
import type { Node } from "../../../../compiler/tensor/ir.js";
import type { Ops } from "../../../../compiler/tensor/ops.js";

/** `taken` replaces an element that was already selected. `least` replaces −∞, so that it is still larger than a selected element. */
const taken = -3.4028234663852886e38;
const least = -3.4e38;
/** Up to `few` of more than `many` elements are selected one after another. Otherwise all pairs are compared for each element's rank. */
const few = 8;
const many = 64;

const without = (shape: readonly number[], axis: number): number[] => shape.filter((_, place) => place !== axis);

/** Returns the index of the first largest element along `axis`, as i32, with `axis` removed. */
export function argmax(o: Ops, x: Node, axis: number): Node {
  const size = x.shape[axis] ?? 1;
  const largest = o.spread(o.reduceMax(x, [axis]), x.shape, [axis]);
  // Indices are counted from the end, so that the first one is the largest number.
  const fromEnd = o.sub(size, o.iota(x.shape, axis));
  const found = o.reduceMax(o.select(o.eq(x, largest), fromEnd, 0), [axis]);
  // With a NaN no element equals the maximum. The minimum keeps the index within the axis.
  return o.min(o.sub(size, found), size - 1);
}

export function topK(o: Ops, x: Node, k: number, axis: number): Node {
  return x.dtype === "f32" && k <= few && (x.shape[axis] ?? 1) > many
    ? topKByRepeatedArgmax(o, x, k, axis)
    : topKByRank(o, x, k, axis);
}

function topKByRepeatedArgmax(o: Ops, x: Node, k: number, axis: number): Node {
  const single = x.shape.with(axis, 1);
  const places = o.iota(x.shape, axis);
  let rest = o.max(x, least);
  const found: Node[] = [];
  for (let round = 0; round < k; round++) {
    const place = argmax(o, rest, axis);
    found.push(o.reshape(place, single));
    if (round < k - 1) rest = o.select(o.eq(places, o.spread(place, x.shape, [axis])), taken, rest);
  }
  return o.concat(found, axis);
}

function topKByRank(o: Ops, x: Node, k: number, axis: number): Node {
  const size = x.shape[axis] ?? 1;
  const last = x.shape.length - 1;
  // [rest…, i, j]: element i beside element j.
  const order = [
    ...without(
      x.shape.map((_, place) => place),
      axis,
    ),
    axis,
  ];
  const lines = o.transpose(x, order);
  const pairs = [...lines.shape, size];
  const [own, other] = [o.spread(lines, pairs, [last + 1]), o.spread(lines, pairs, [last])];
  const before = o.lt(o.iota(pairs, last + 1), o.iota(pairs, last));
  const ahead = o.select(before, o.cast(o.ge(other, own), "i32"), o.cast(o.gt(other, own), "i32"));
  const rank = o.sum(ahead, [last + 1]);
  // [rest…, i, r]: whether element i is the one of rank r.
  const places = [...lines.shape, k];
  const here = o.eq(o.spread(rank, places, [last + 1]), o.iota(places, last + 1));
  // NaNs share ranks, and their indices add up. The minimum keeps the index within the axis.
  const chosen = o.min(o.sum(o.select(here, o.iota(places, last), 0), [last]), size - 1);
  return o.transpose(
    chosen,
    order.map((_, place) => order.indexOf(place)),
  );
}
