/**
 * Streams of random numbers for data: the sampling of episodes and the augmentation of images. A stream depends on its key
 * alone, so any worker can make any episode or any augmented image at any time and gets the same one.
 *
 * A key is made from parts (seed, purpose, step, image, …) with the Threefry block of threefry.ts: each part is the counter
 * under the key so far. The numbers of one key come in order from sfc32 (Doty-Humphrey 2010), seeded with the key, because
 * it is several times faster than one Threefry block per number. Initial weights use threefry.ts itself, where each number
 * has an index. The two give different numbers by design, and stored results depend on both.
 */

import { type Key, threefry } from "./threefry.js";

export type { Key };

/** The factor from 32 random bits to [0, 1). */
const unit = 2 ** -32;

/** Returns the key with one more part: a non-negative integer below 2^53, or a name. */
export function fold(key: Key, part: number | string): Key {
  if (typeof part === "number") return threefry(key, part >>> 0, Math.floor(part / 0x1_0000_0000));
  let folded = threefry(key, part.length, 0xffff_ffff);
  for (let i = 0; i < part.length; i++) folded = threefry(folded, part.charCodeAt(i), 0xffff_ffff);
  return folded;
}

/** Returns the first key of a seed and a purpose (`train`, `validate`, `evaluate`, …). */
export function rootKey(seed: number, purpose: string): Key {
  return fold(fold([0, 0], seed), purpose);
}

/** The random numbers of one key, in order. */
export class Stream {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 0;
  private spare: number | undefined;

  constructor(key: Key) {
    this.reset(key);
  }

  /** Starts again with another key. This saves an object per key if streams are short. */
  reset(key: Key): void {
    this.a = key[0] | 0;
    this.b = key[1] | 0;
    this.c = 0x9e3779b9 | 0;
    this.counter = 1;
    this.spare = undefined;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** Returns 32 uniform bits as a non-negative number. */
  next(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /**
   * Moves `drawn` distinct entries of the first `count` of `pool` to its front. Every ordered choice is equally likely
   * (partial Fisher–Yates). The swaps are noted in `swaps`, so that `unshuffle` can undo them. It draws the same numbers as
   * `below`, but keeps the state in locals, because the sampler spends its time in this loop.
   */
  shuffle(pool: Int32Array, swaps: Int32Array, count: number, drawn: number): void {
    let { a, b, c, counter } = this;
    for (let i = 0; i < drawn; i++) {
      const sum = (((a + b) | 0) + counter) | 0;
      counter = (counter + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + sum) | 0;
      const j = (i + (sum >>> 0) * unit * (count - i)) | 0;
      const value = pool[j] as number;
      pool[j] = pool[i] as number;
      pool[i] = value;
      swaps[i] = j;
    }
    this.a = a;
    this.b = b;
    this.c = c;
    this.counter = counter;
  }

  /** Returns a uniform number in [0, 1). */
  uniform(): number {
    return this.next() * unit;
  }

  /** Returns a uniform number in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Returns a uniform integer in 0 … n−1, for n up to 2^31. Its bias is below n / 2^32. */
  below(n: number): number {
    return Math.floor(this.next() * unit * n);
  }

  /** Returns a normal number with mean 0 and standard deviation 1 (Box–Muller). */
  normal(): number {
    if (this.spare !== undefined) {
      const value = this.spare;
      this.spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/** Undoes the swaps of a `shuffle`, the last first. */
export function unshuffle(pool: Int32Array, swaps: Int32Array, drawn: number): void {
  for (let i = drawn - 1; i >= 0; i--) {
    const j = swaps[i] as number;
    const value = pool[j] as number;
    pool[j] = pool[i] as number;
    pool[i] = value;
  }
}
