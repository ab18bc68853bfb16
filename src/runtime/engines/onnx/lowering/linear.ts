/** Matrix products and solves. */
import { CompilerBug } from "../../../../compiler/bug.js";
import type { Node, OpName, Shape } from "../../../../compiler/tensor/ir.js";
import { type Emitter, sizeOf } from "../emitter.js";
import type { Factor } from "../kernels.js";
import { operand, type Rules, whole } from "./rule.js";

const without = (rank: number, ...used: (readonly number[])[]): number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !used.some((axes) => axes.includes(axis)));
const sizes = (shape: Shape, axes: readonly number[]): number[] => axes.map((axis) => shape[axis] ?? 1);

/** Data with the axes in the order batch, rows, columns; transposed is cheaper where the columns lie before the rows. */
function matrices(
  e: Emitter,
  node: Node,
  batch: readonly number[],
  rows: readonly number[],
  columns: readonly number[],
): Factor {
  const straight = [...batch, ...rows, ...columns];
  const crossed = [...batch, ...columns, ...rows];
  const lies = (order: readonly number[]) => {
    const real = order.filter((axis) => node.shape[axis] !== 1);
    return real.every((axis, i) => i === 0 || axis > (real[i - 1] ?? 0));
  };
  const transposed = !lies(straight) && lies(crossed);
  const order = transposed ? crossed : straight;
  const [b, r, c] = [batch, rows, columns].map((axes) => sizeOf(sizes(node.shape, axes)));
  const shape = transposed ? [b ?? 1, c ?? 1, r ?? 1] : [b ?? 1, r ?? 1, c ?? 1];
  const matrix = batch.length === 0 || b === 1 ? shape.slice(1) : shape;
  const name = e.full(node);
  const stacked = e.reshape(lies(order) ? name : e.transpose(name, order), matrix);
  return { name: stacked, rank: matrix.length, transposed };
}

export const linear = {
  dot_general: (e, node) => {
    const [lhs, rhs] = [operand(node, 0), operand(node, 1)];
    const { lhsBatch, rhsBatch, lhsContract, rhsContract } = node.attrs;
    const a = matrices(e, lhs, lhsBatch, without(lhs.shape.length, lhsBatch, lhsContract), lhsContract);
    const b = matrices(e, rhs, rhsBatch, rhsContract, without(rhs.shape.length, rhsBatch, rhsContract));
    return whole(node, e.reshape(e.product(a, b), node.shape));
  },
  solve_spd: (e, node) => {
    const a = e.full(operand(node, 0));
    const b = e.full(operand(node, 1));
    const inverse = e.msOp("Inverse", [a]);
    const first = e.op("MatMul", [inverse, b]);
    // One step of iterative refinement takes the f32 inverse's error out of all but badly conditioned systems.
    const residual = e.op("Sub", [b, e.op("MatMul", [a, first])]);
    return whole(node, e.op("Add", [first, e.op("MatMul", [inverse, residual])]));
  },
  random_bits: () => {
    throw new CompilerBug("random_bits is expanded before the lowering");
  },
} satisfies Partial<Rules<OpName>>;
