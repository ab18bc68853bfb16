/** Lowering rules for matrix products and solves. */
import { CompilerBug } from "../../../../common/bug.js";
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import { matrixLayout, otherAxes } from "../../matrices.js";
import { boolAttribute } from "../binding.js";
import type { Emitter, Slot } from "../emitter.js";
import { operand, type Rules, whole } from "./rule.js";

type Axes = readonly number[];

/** An operand as a stack of matrices [batch, rows, columns], or its transpose if that moves less data. */
interface Matrices {
  readonly slot: Slot;
  readonly rank: number;
  readonly transposed: boolean;
}

function matrices(e: Emitter, node: Node, ...axes: [batch: Axes, rows: Axes, columns: Axes]): Matrices {
  const { order, inPlace, transposed, shape } = matrixLayout(node.shape, ...axes);
  const slot = e.full(node);
  return { slot: e.reshape(inPlace ? slot : e.transpose(slot, order), shape), rank: shape.length, transposed };
}

const lower = [boolAttribute("lower", true)];
const lowerAdjoint = [boolAttribute("lower", true), boolAttribute("adjoint", true)];

export const linear = {
  dot_general: (e, node) => {
    const [lhs, rhs] = [operand(node, 0), operand(node, 1)];
    const { lhsBatch, rhsBatch, lhsContract, rhsContract } = node.attrs;
    const a = matrices(e, lhs, lhsBatch, otherAxes(lhs.shape.length, lhsBatch, lhsContract), lhsContract);
    const b = matrices(e, rhs, rhsBatch, rhsContract, otherAxes(rhs.shape.length, rhsBatch, rhsContract));
    const [op, left, right] =
      a.rank === 2 ? ["MatMul", "transpose_a", "transpose_b"] : ["BatchMatMulV2", "adj_x", "adj_y"];
    const sides = [boolAttribute(left ?? "", a.transposed), boolAttribute(right ?? "", b.transposed)];
    return whole(node, e.reshape(e.op(op ?? "", [a.slot, b.slot], sides), node.shape));
  },
  solve_spd: (e, node) => {
    const [a, b] = [operand(node, 0), e.full(operand(node, 1))];
    // The triangular solves do not read the entries of the factor above the diagonal.
    const factor = e.once(a, "cholesky", () => e.decomposition("Cholesky", [e.full(a)], a.shape));
    const half = e.op("MatrixTriangularSolve", [factor, b], lower);
    return whole(node, e.op("MatrixTriangularSolve", [factor, half], lowerAdjoint));
  },
  random_bits: () => {
    throw new CompilerBug("random_bits is expanded before the lowering");
  },
} satisfies Partial<Rules<OpName>>;
