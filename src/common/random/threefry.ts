/**
 * The base of all random numbers: the Threefry-2x32 block with 20 rounds (Salmon et al., "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). It gives two words for a key and a counter, so no number depends on another one.
 *
 * - Initial weights use `uniform` and `normal` of this file: the number at an index of a key from `keyOf`.
 * - Draws in a program (dropout, losses) use the op `random_bits`, which is the same block in the graph, with a key from
 *   `keyOf` (lower/draws.ts).
 * - The sampling and augmentation of data use stream.ts, whose keys are made with this block.
 */
import { createHash } from "node:crypto";

/** A 64-bit key as two words. */
export type Key = readonly [number, number];

/** Returns the 64-bit key of a draw: a hash of the seed, the purpose, the structural path and so on. */
export function keyOf(...parts: readonly (string | number)[]): Key {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** Returns one block: 64 bits from a key and a 64-bit counter given as (low, high). */
export function threefry(key: Key, low: number, high: number): readonly [number, number] {
  const schedule = [key[0], key[1], (0x1bd11bda ^ key[0] ^ key[1]) >>> 0] as const;
  let a = (low + schedule[0]) >>> 0;
  let b = (high + schedule[1]) >>> 0;
  for (let round = 0; round < 20; round++) {
    const r = rotations[round % 8] ?? 0;
    a = (a + b) >>> 0;
    b = ((b << r) | (b >>> (32 - r))) >>> 0;
    b = (b ^ a) >>> 0;
    if (round % 4 === 3) {
      const s = (round + 1) / 4;
      a = (a + (schedule[s % 3] ?? 0)) >>> 0;
      b = (b + (schedule[(s + 1) % 3] ?? 0) + s) >>> 0;
    }
  }
  return [a, b];
}

/** Returns the uniform number at `index` of a key, in the open interval (0, 1), from 53 bits. */
export function uniform(key: Key, index: number): number {
  const [a, b] = threefry(key, index >>> 0, Math.floor(index / 2 ** 32));
  return ((a >>> 5) * 2 ** 26 + (b >>> 6) + 0.5) / 2 ** 53;
}

/** Returns the standard normal number at `index` of a key (Box–Muller, from two uniform numbers). */
export function normal(key: Key, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(uniform(key, 2 * index)));
  return radius * Math.cos(2 * Math.PI * uniform(key, 2 * index + 1));
}
