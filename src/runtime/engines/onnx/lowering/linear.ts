/** Lowering rules for matrix products and solves. */
import { CompilerBug } from "../../../../common/bug.js";
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import { matrixLayout, otherAxes } from "../../matrices.js";
import type { Emitter, Factor } from "../emitter.js";
import { operand, type Rules, whole } from "./rule.js";

type Axes = readonly number[];

function matrices(e: Emitter, node: Node, ...axes: [batch: Axes, rows: Axes, columns: Axes]): Factor {
  const { order, inPlace, transposed, shape } = matrixLayout(node.shape, ...axes);
  const name = e.full(node);
  return { name: e.reshape(inPlace ? name : e.transpose(name, order), shape), rank: shape.length, transposed };
}

export const linear = {
  dot_general: (e, node) => {
    const [lhs, rhs] = [operand(node, 0), operand(node, 1)];
    const { lhsBatch, rhsBatch, lhsContract, rhsContract } = node.attrs;
    const a = matrices(e, lhs, lhsBatch, otherAxes(lhs.shape.length, lhsBatch, lhsContract), lhsContract);
    const b = matrices(e, rhs, rhsBatch, rhsContract, otherAxes(rhs.shape.length, rhsBatch, rhsContract));
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
