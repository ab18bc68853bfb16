/** How the operands of a general product are laid out as stacks of matrices, for engines that have a batched one. */
import type { Shape } from "../../compiler/tensor/ir.js";

export interface MatrixLayout {
  /** The operand's axes in the order that it is held in: batch, rows, columns; batch, columns, rows where `transposed`. */
  readonly order: readonly number[];
  /** Whether the operand lies in that order already. */
  readonly inPlace: boolean;
  readonly transposed: boolean;
  /** [batch, rows, columns], the last two exchanged where `transposed`; without the batch where that is 1. */
  readonly shape: Shape;
}

/** Transposed where the operand so need not be moved. */
export function matrixLayout(
  shape: Shape,
  batch: readonly number[],
  rows: readonly number[],
  columns: readonly number[],
): MatrixLayout {
  const straight = [...batch, ...rows, ...columns];
  const crossed = [...batch, ...columns, ...rows];
  const lies = (order: readonly number[]): boolean => {
    const real = order.filter((axis) => shape[axis] !== 1);
    return real.every((axis, i) => i === 0 || axis > (real[i - 1] ?? 0));
  };
  const transposed = !lies(straight) && lies(crossed);
  const count = (axes: readonly number[]): number => axes.reduce((product, axis) => product * (shape[axis] ?? 1), 1);
  const matrix = transposed ? [count(columns), count(rows)] : [count(rows), count(columns)];
  const order = transposed ? crossed : straight;
  return {
    order,
    inPlace: lies(order),
    transposed,
    shape: count(batch) === 1 ? matrix : [count(batch), ...matrix],
  };
}

/** The axes of a shape of `rank` that are in none of the lists. */
export const otherAxes = (rank: number, ...used: (readonly number[])[]): number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !used.some((axes) => axes.includes(axis)));
