/** `argmax` and `top_k` by comparisons: the provider sorts nothing, and its ArgMax gives 64-bit numbers. */
import type { Node } from "../../../../compiler/tensor/ir.js";
import type { Ops } from "../../../../compiler/tensor/ops.js";

/** What is taken out of a tensor of which more is wanted, and what −∞ counts as while it waits: in this order. */
const taken = -3.4028234663852886e38;
const least = -3.4e38;
/** Few largest of many are found one after another; else each element's rank, from all pairs. */
const few = 8;
const many = 64;

const without = (shape: readonly number[], axis: number): number[] => shape.filter((_, place) => place !== axis);

/** i32, `axis` removed: the first place of the largest. */
export function argmax(o: Ops, x: Node, axis: number): Node {
  const size = x.shape[axis] ?? 1;
  const largest = o.spread(o.reduceMax(x, [axis]), x.shape, [axis]);
  // Places counted from the end: the first is the largest number.
  const fromEnd = o.sub(size, o.iota(x.shape, axis));
  const found = o.reduceMax(o.select(o.eq(x, largest), fromEnd, 0), [axis]);
  // Beside a NaN nothing is equal to the maximum: some place, but one that is there.
  return o.min(o.sub(size, found), size - 1);
}

export function topK(o: Ops, x: Node, k: number, axis: number): Node {
  return x.dtype === "f32" && k <= few && (x.shape[axis] ?? 1) > many ? oneByOne(o, x, k, axis) : byRank(o, x, k, axis);
}

function oneByOne(o: Ops, x: Node, k: number, axis: number): Node {
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

function byRank(o: Ops, x: Node, k: number, axis: number): Node {
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
  // Elements that are no numbers share ranks, and then places add up: some place, but one that is there.
  const chosen = o.min(o.sum(o.select(here, o.iota(places, last), 0), [last]), size - 1);
  return o.transpose(
    chosen,
    order.map((_, place) => order.indexOf(place)),
  );
}
