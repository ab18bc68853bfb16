/** Lays the operands of `dot_general` out as stacks of matrices, for engines that have a batched matrix product. */
import type { Shape } from "../../compiler/tensor/ir.js";

export interface MatrixLayout {
  /** The order of the operand's axes: batch, rows, columns, or if `transposed`, batch, columns, rows. */
  readonly order: readonly number[];
  /** True if the operand is already in that order. */
  readonly inPlace: boolean;
  readonly transposed: boolean;
  /** [batch, rows, columns], or if `transposed`, [batch, columns, rows]; without the batch if it is 1. */
  readonly shape: Shape;
}

/** Returns the layout of an operand. It is transposed if the operand then need not be moved. */
export function matrixLayout(
  shape: Shape,
  batch: readonly number[],
  rows: readonly number[],
  columns: readonly number[],
): MatrixLayout {
  const straight = [...batch, ...rows, ...columns];
  const crossed = [...batch, ...columns, ...rows];
  const isInOrder = (order: readonly number[]): boolean => {
    const real = order.filter((axis) => shape[axis] !== 1);
    return real.every((axis, i) => i === 0 || axis > (real[i - 1] ?? 0));
  };
  const transposed = !isInOrder(straight) && isInOrder(crossed);
  const count = (axes: readonly number[]): number => axes.reduce((product, axis) => product * (shape[axis] ?? 1), 1);
  const matrix = transposed ? [count(columns), count(rows)] : [count(rows), count(columns)];
  const order = transposed ? crossed : straight;
  return {
    order,
    inPlace: isInOrder(order),
    transposed,
    shape: count(batch) === 1 ? matrix : [count(batch), ...matrix],
  };
}

/** Returns the axes of a tensor of rank `rank` that are in none of the lists. */
export const otherAxes = (rank: number, ...used: (readonly number[])[]): number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !used.some((axes) => axes.includes(axis)));
