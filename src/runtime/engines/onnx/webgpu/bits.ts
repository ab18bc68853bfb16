/**
 * Bitwise ops on u32 words by arithmetic, because the provider has no kernels for them (although WGSL has the operators). Shifts
 * are products and quotients with powers of two. `xor` looks pairs of bytes up in a table, and `and` and `or` follow from it:
 * a + b = (a xor b) + 2·(a and b).
 */
import type { Node } from "../../../../compiler/tensor/ir.js";
import type { Ops } from "../../../../compiler/tensor/ops.js";
import { elementCount } from "../../../../compiler/tensor/shape.js";

const word = 32;
const byteFactors = [1, 2 ** 8, 2 ** 16, 2 ** 24];
const xorTable = Float64Array.from({ length: 2 ** 16 }, (_, pair) => (pair >> 8) ^ (pair & 255));

/** Returns 2^places for each element. */
function powerOfTwo(o: Ops, places: Node): Node {
  if (places.op === "const" && places.attrs.data.length === 1)
    return o.full(places.shape, 2 ** (places.attrs.data[0] ?? 0), "u32");
  const powers = o.constant(
    [word],
    Float64Array.from({ length: word }, (_, place) => 2 ** place),
    "u32",
  );
  return o.gather(powers, o.cast(places, "i32"), 0);
}

export const shiftLeft = (o: Ops, x: Node, places: Node): Node => o.mul(x, powerOfTwo(o, places));
export const shiftRight = (o: Ops, x: Node, places: Node): Node => o.div(x, powerOfTwo(o, places));

/** Returns the bytes [n, 4] of n words, least significant first. */
function bytes(o: Ops, words: Node): Node {
  const shape = [elementCount(words.shape), byteFactors.length];
  const quotients = o.div(o.broadcast(o.reshape(words, shape.slice(0, 1)), shape, [0]), byteValues(o, shape));
  return o.sub(quotients, o.mul(o.div(quotients, 256), 256));
}
const byteValues = (o: Ops, shape: readonly number[]): Node =>
  o.broadcast(o.constant([byteFactors.length], byteFactors, "u32"), shape, [1]);

export function combine(o: Ops, op: "and" | "or" | "xor", x: Node, y: Node): Node {
  const [a, b] = [bytes(o, x), bytes(o, y)];
  const pairs = o.cast(o.add(o.mul(a, 256), b), "i32");
  const different = o.gather(o.constant([xorTable.length], xorTable, "u32"), pairs, 0);
  const total = o.add(a, b);
  const results = {
    xor: () => different,
    and: () => o.div(o.sub(total, different), 2),
    or: () => o.div(o.add(total, different), 2),
  };
  return o.reshape(o.sum(o.mul(results[op](), byteValues(o, a.shape)), [1]), x.shape);
}

/** Tells whether x and y are the two shifts of a rotation. They then share no bit, and their sum is their `or`. */
export function isRotation(x: Node, y: Node): boolean {
  if (x.op !== "shl" || y.op !== "shr" || x.inputs[0] !== y.inputs[0]) return false;
  const [left, right] = [x.inputs[1], y.inputs[1]].map((places) =>
    places?.op === "const" && places.attrs.data.length === 1 ? places.attrs.data[0] : undefined,
  );
  return left !== undefined && right !== undefined && left > 0 && left + right === word;
}
