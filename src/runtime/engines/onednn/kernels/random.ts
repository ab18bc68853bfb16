/** The counter-based random bits of the IR: Threefry-2x32 with 20 rounds. */
import type { Kernel, TypedArray } from "../loops/source.js";

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const parity = 0x1bd11bda;
const rounds = 20;

/** Returns a kernel that fills `count` words; word i is word i mod 2 of the block with counter base + ⌊i/2⌋. */
export function randomBits(count: number): Kernel {
  return (...arrays) => {
    const [key, base, y] = arrays as [TypedArray, TypedArray, TypedArray];
    const [k0, k1] = [(key[0] ?? 0) | 0, (key[1] ?? 0) | 0];
    const keys = Int32Array.of(k0, k1, k0 ^ k1 ^ parity);
    for (let block = 0; 2 * block < count; block++) {
      let a = (((base[0] ?? 0) + block) | 0) + k0;
      let b = k1;
      a |= 0;
      for (let round = 0; round < rounds; round++) {
        const turn = rotations[round % 8] ?? 0;
        a = (a + b) | 0;
        b = ((b << turn) | (b >>> (32 - turn))) ^ a;
        if (round % 4 === 3) {
          const injection = (round + 1) / 4;
          a = (a + (keys[injection % 3] ?? 0)) | 0;
          b = (b + (keys[(injection + 1) % 3] ?? 0) + injection) | 0;
        }
      }
      y[2 * block] = a;
      if (2 * block + 1 < count) y[2 * block + 1] = b;
    }
  };
}
