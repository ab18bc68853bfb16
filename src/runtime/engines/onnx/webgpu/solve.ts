/** Solves symmetric positive definite systems by elimination, because the provider has no inverse. */
import type { Node } from "../../../../compiler/tensor/ir.js";
import type { Ops } from "../../../../compiler/tensor/ops.js";

/**
 * Returns X with A·X = B, for A [B…, n, n] and B [B…, n, m], by Gauss–Jordan elimination. Such matrices need no pivoting. Each of
 * n steps subtracts an outer product from [A | B]; the end divides by what is left of the diagonal.
 */
export function solveSpd(o: Ops, a: Node, b: Node): Node {
  const column = a.shape.length - 1;
  const row = column - 1;
  const size = a.shape[row] ?? 1;
  const places = Float64Array.from({ length: size }, (_, place) => place);
  let joined = o.concat([a, b], column);
  for (let step = 0; step < size; step++) {
    const pivotRow = o.sliceAxis(joined, row, step, step + 1);
    const pivot = o.sliceAxis(pivotRow, column, step, step + 1);
    const scaled = o.div(pivotRow, repeatAlong(o, pivot, pivotRow.shape, column));
    const pivotColumn = o.sliceAxis(joined, column, step, step + 1);
    const others = o.constant(
      [size, 1],
      places.map((place) => Number(place !== step)),
    );
    const factors = o.mul(pivotColumn, o.broadcast(others, pivotColumn.shape, [row, column]));
    joined = o.sub(
      joined,
      o.mul(repeatAlong(o, factors, joined.shape, column), repeatAlong(o, scaled, joined.shape, row)),
    );
  }
  const identity = o.constant(
    [size, size],
    Float64Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0)),
  );
  const left = o.sliceAxis(joined, column, 0, size);
  const diagonal = o.sum(o.mul(left, o.broadcast(identity, left.shape, [row, column])), [column]);
  const right = o.sliceAxis(joined, column, size, joined.shape[column] ?? size);
  return o.div(right, o.spread(diagonal, right.shape, [column]));
}

/** Repeats x, whose size along `axis` is 1, along that axis. */
function repeatAlong(o: Ops, x: Node, shape: readonly number[], axis: number): Node {
  return o.spread(o.reshape(x, x.shape.toSpliced(axis, 1)), shape, [axis]);
}
