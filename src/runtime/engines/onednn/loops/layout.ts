/** The places of a tensor's elements in memory. An axis may be split into blocks, as oneDNN splits channels. */
import type { Shape } from "../../../../compiler/tensor/ir.js";
import { type Affine, add, constant, divide, scale } from "./affine.js";

/** A part of an axis: its number of places, and the distance between two of them in elements. */
export interface Factor {
  readonly size: number;
  readonly stride: number;
}
/** The parts of each axis, from the outermost to the innermost. */
export type Factors = readonly (readonly Factor[])[];

export function rowMajor(shape: Shape): Factors {
  let stride = 1;
  return [...shape]
    .reverse()
    .map((size) => {
      const factor = { size, stride };
      stride *= size;
      return [factor];
    })
    .reverse();
}

/** Returns the place of the element at `index`, or undefined if it is no affine function of the loop variables. */
export function placeOf(factors: Factors, index: readonly Affine[], sizes: readonly number[]): Affine | undefined {
  let place = constant(0);
  for (const [axis, parts] of factors.entries()) {
    let rest = index[axis] ?? constant(0);
    for (const [depth, { size, stride }] of [...parts].reverse().entries()) {
      if (depth === parts.length - 1) place = add(place, scale(rest, stride));
      else {
        const parted = divide(rest, size, sizes);
        if (parted === undefined) return undefined;
        place = add(place, scale(parted.remainder, stride));
        rest = parted.quotient;
      }
    }
  }
  return place;
}

/** Returns the index of the same element in another shape, or undefined if it is no affine function of the loop variables. */
export function reshaped(
  index: readonly Affine[],
  from: Shape,
  to: Shape,
  sizes: readonly number[],
): Affine[] | undefined {
  let rest = placeOf(rowMajor(from), index, sizes);
  const result: Affine[] = [];
  for (let axis = to.length - 1; axis >= 0; axis--) {
    if (rest === undefined) return undefined;
    if (axis === 0) result.unshift(rest);
    else {
      const parted = divide(rest, to[axis] ?? 1, sizes);
      if (parted === undefined) return undefined;
      result.unshift(parted.remainder);
      rest = parted.quotient;
    }
  }
  return result;
}

export interface Loops {
  /** The number of turns of each loop, from the outermost to the innermost. */
  readonly sizes: readonly number[];
  /** The index on each axis as a function of the loops. */
  readonly index: readonly Affine[];
}

/** Returns loops over all elements of a layout, in the order of memory. */
export function loopsOver(factors: Factors): Loops {
  const parts = factors.flatMap((axisParts, axis) =>
    axisParts.map(({ size, stride }, depth) => ({
      axis,
      size,
      stride,
      inner: axisParts.slice(depth + 1).reduce((product, part) => product * part.size, 1),
    })),
  );
  const order = parts.filter(({ size }) => size !== 1).sort((a, b) => b.stride - a.stride);
  const index = factors.map((_, axis) =>
    order.reduce(
      (sum, part, loop) =>
        part.axis === axis ? add(sum, { by: [...Array.from({ length: loop }, () => 0), part.inner], at: 0 }) : sum,
      constant(0),
    ),
  );
  return { sizes: order.map(({ size }) => size), index };
}
