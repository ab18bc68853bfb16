/** Kernels that look for places: argmax, the largest k, and sums that are scattered by index. */
import type { Shape } from "../../../../compiler/tensor/ir.js";
import { elementCount } from "../../../../compiler/tensor/shape.js";
import type { Kernel, TypedArray } from "../loops/source.js";

/** Returns the sizes before an axis, of it, and after it. */
function around(shape: Shape, axis: number): readonly [number, number, number] {
  return [elementCount(shape.slice(0, axis)), shape[axis] ?? 1, elementCount(shape.slice(axis + 1))];
}

export function argmax(shape: Shape, axis: number): Kernel {
  const [before, size, after] = around(shape, axis);
  return (...arrays) => {
    const [x, y] = arrays as [TypedArray, TypedArray];
    for (let b = 0; b < before; b++)
      for (let a = 0; a < after; a++) {
        const from = b * size * after + a;
        let best = 0;
        for (let i = 1; i < size; i++) if ((x[from + i * after] ?? 0) > (x[from + best * after] ?? 0)) best = i;
        y[b * after + a] = best;
      }
  };
}

/** The largest k along an axis, largest first. Equal values stay in the order of their places. */
export function topK(shape: Shape, axis: number, k: number): Kernel {
  const [before, size, after] = around(shape, axis);
  const places = new Int32Array(k);
  return (...arrays) => {
    const [x, y] = arrays as [TypedArray, TypedArray];
    for (let b = 0; b < before; b++)
      for (let a = 0; a < after; a++) {
        const from = b * size * after + a;
        const at = (place: number): number => x[from + place * after] ?? 0;
        let found = 0;
        for (let i = 0; i < size; i++) {
          // Insertion into the sorted list; a value goes behind those that are equal.
          if (found === k && !(at(i) > at(places[k - 1] ?? 0))) continue;
          let place = found === k ? k - 1 : found++;
          for (; place > 0 && at(i) > at(places[place - 1] ?? 0); place--) places[place] = places[place - 1] ?? 0;
          places[place] = i;
        }
        for (let i = 0; i < k; i++) y[(b * k + i) * after + a] = places[i] ?? 0;
      }
  };
}

export interface Scattering {
  readonly batches: number;
  readonly before: number;
  /** The number of indices of a batch. */
  readonly count: number;
  readonly size: number;
  readonly run: number;
}

/** Sums of updates by index, in 64-bit numbers. */
export function scatterAdd({ batches, before, count, size, run }: Scattering): Kernel {
  const sums = new Float64Array(batches * before * size * run);
  return (...arrays) => {
    const [updates, indices, y] = arrays as [TypedArray, TypedArray, TypedArray];
    sums.fill(0);
    let from = 0;
    for (let b = 0; b < batches; b++)
      for (let p = 0; p < before; p++)
        for (let i = 0; i < count; i++, from += run) {
          const to = ((b * before + p) * size + (indices[b * count + i] ?? 0)) * run;
          for (let r = 0; r < run; r++) sums[to + r] = (sums[to + r] ?? 0) + (updates[from + r] ?? 0);
        }
    y.set(sums);
  };
}
