/** Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). */
import type { CompositeName, Node } from "../ir.js";
import type { Ops } from "../ops.js";
import { elementCount } from "../shape.js";
import type { Decompositions } from "./rule.js";

const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
const parity = 0x1bd11bda;
const rounds = 20;

/** Returns the two words of the cipher, element by element, for key words and counter words that are u32 of one shape. */
export function threefry2x32(o: Ops, key: readonly [Node, Node], counter: readonly [Node, Node]): [Node, Node] {
  const keys: readonly [Node, Node, Node] = [...key, o.xor(o.xor(key[0], key[1]), parity)];
  const word = (place: number): Node => keys[(place % 3) as 0 | 1 | 2];
  let a = o.add(counter[0], keys[0]);
  let b = o.add(counter[1], keys[1]);
  for (let round = 0; round < rounds; round++) {
    const turn = Number(rotations[round % rotations.length]);
    a = o.add(a, b);
    b = o.xor(o.or(o.shl(b, turn), o.shr(b, 32 - turn)), a);
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      a = o.add(a, word(injection));
      b = o.add(o.add(b, word(injection + 1)), injection);
    }
  }
  return [a, b];
}

export const randomDecompositions = {
  random_bits: (o, [key, base], { shape }) => {
    const count = elementCount(shape);
    const blocks = Math.ceil(count / 2);
    const everywhere = (x: Node): Node => o.splat(o.reshape(x, []), [blocks]);
    const words = [0, 1].map((place) => everywhere(o.sliceAxis(key, 0, place, place + 1)));
    const counter = o.add(everywhere(base), o.iota([blocks], 0, "u32"));
    const pair = threefry2x32(o, words as [Node, Node], [counter, o.zerosLike(counter)]);
    const bits = o.concat(
      pair.map((half) => o.reshape(half, [blocks, 1])),
      1,
    );
    return o.reshape(o.sliceAxis(o.reshape(bits, [2 * blocks]), 0, 0, count), shape);
  },
} satisfies Partial<Decompositions<CompositeName>>;
