/**
 * Counter-based randomness on the host (rule 30): threefry-2x32 with 20 rounds, Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3" (SC 2011). A stream is a pure function of its key; the key is a hash of what the draw
 * is for, never of where it stands in a batch.
 */
import { createHash } from "node:crypto";

export type Key = readonly [number, number];

/** The 64-bit key of a draw: its parts are the seed, the purpose, the structural path, … */
export function keyOf(...parts: readonly (string | number)[]): Key {
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** One block: 64 bits from a key and a 64-bit counter given as (low, high). */
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

/** The `index`-th uniform of a stream, in the open interval (0, 1), from 53 bits. */
export function uniform(key: Key, index: number): number {
  const [a, b] = threefry(key, index >>> 0, Math.floor(index / 2 ** 32));
  return ((a >>> 5) * 2 ** 26 + (b >>> 6) + 0.5) / 2 ** 53;
}

/** The `index`-th standard normal of a stream (Box–Muller, two uniforms each). */
export function normal(key: Key, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(uniform(key, 2 * index)));
  return radius * Math.cos(2 * Math.PI * uniform(key, 2 * index + 1));
}
