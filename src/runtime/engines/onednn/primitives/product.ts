/** Matrix products: `matmul` of oneDNN, or loops in JavaScript where a call would cost more than the product. */
import type { Node } from "../../../../compiler/tensor/ir.js";
import { elementCount } from "../../../../compiler/tensor/shape.js";
import { operand } from "../../lowering.js";
import { matrixLayout, otherAxes } from "../../matrices.js";
import type { Builder } from "../builder.js";
import { query } from "../constants.js";
import { product as loops, type Matrices } from "../kernels/linear.js";
import type { Pointer } from "../library.js";
import type { Slot } from "../memory.js";
import { describe } from "../precision.js";
import type { PrimitiveArgument } from "../steps.js";

/** The number of multiplications from which oneDNN is called. */
const worthACall = 2048;

/**
 * The number of multiplications in one matrix from which a program in bf16 rounds the operands of a product. Those of layers are larger.
 * Distances, heads and their systems are smaller: they keep f32, because their digits count and rounding would take as long as the product.
 */
const worthRounding = 2 ** 22;

export function multiply(b: Builder, node: Node<"dot_general">): void {
  const [lhs, rhs] = [operand(node, 0), operand(node, 1)];
  const { lhsBatch, rhsBatch, lhsContract, rhsContract } = node.attrs;
  const count = (of: Node, axes: readonly number[]): number => elementCount(axes.map((axis) => of.shape[axis] ?? 1));
  const lhsFree = otherAxes(lhs.shape.length, lhsBatch, lhsContract);
  const rhsFree = otherAxes(rhs.shape.length, rhsBatch, rhsContract);
  const [batch, m] = [count(lhs, lhsBatch), count(lhs, lhsFree)];
  const [k, n] = [count(lhs, lhsContract), count(rhs, rhsFree)];
  const a = matrices(b, lhs, lhsBatch, lhsFree, lhsContract);
  const c = matrices(b, rhs, rhsBatch, rhsContract, rhsFree);
  const result = b.result(node);
  if (batch * m * k * n < worthACall) {
    b.addKernel("product", loops({ batch, m, k, n }, a.layout, c.layout), [a.slot, c.slot], [result]);
    return;
  }
  const { library, layouts } = b;
  const strided = (rows: number, columns: number, { matrix, row, column }: Matrices): Pointer =>
    layouts.strided([batch, rows, columns], [matrix, row, column]);
  const sides = [
    { argument: "source", slot: a.slot, description: strided(m, k, a.layout), shape: [batch, m, k] },
    { argument: "weights", slot: c.slot, description: strided(k, n, c.layout), shape: [batch, k, n] },
  ] as const;
  const product = strided(m, n, { matrix: m * n, row: n, column: 1 });
  const { description, precision } = describe(b, "matmul", (each) => {
    if (each === "bf16" && m * k * n < worthRounding) return undefined;
    const [x, w] = sides.map((side) => (each === "bf16" ? layouts.any(side.shape, each) : side.description));
    return library.tryMake("matmul", library.engine, x, w, null, product, null);
  });
  const reads = sides.map(({ argument, slot, description: own }): PrimitiveArgument => {
    if (precision === "f32") return { argument, slot, description: own };
    return b.argument(
      argument,
      b.roundedCopy({ slot, description: own }, library.chosen(description, query[argument])),
    );
  });
  b.addPrimitive("matmul", description, reads, [{ argument: "result", slot: result, description: product }]);
  library.call("destroyPrimitiveDescription", description);
}

/** Returns an operand as a stack of matrices; if its axes do not allow it, a copy with the axes in order. */
function matrices(
  b: Builder,
  node: Node,
  batch: readonly number[],
  rows: readonly number[],
  columns: readonly number[],
): { readonly slot: Slot; readonly layout: Matrices } {
  const { order, inPlace, transposed } = matrixLayout(node.shape, batch, rows, columns);
  const slot = inPlace ? b.plain(node) : b.permuted(node, order);
  const [height, width] = [rows, columns].map((axes) => elementCount(axes.map((axis) => node.shape[axis] ?? 1)));
  const matrix = (height ?? 1) * (width ?? 1);
  const layout = transposed ? { matrix, row: 1, column: height ?? 1 } : { matrix, row: width ?? 1, column: 1 };
  return { slot, layout };
}
