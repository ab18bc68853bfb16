/** The shape table: the operands that each op takes, and the type of its result. */
import type { Node, OpAttrs, OpName } from "./ir.js";
import { compositeShapes } from "./shape/composite.js";
import { elementwiseShapes } from "./shape/elementwise.js";
import { linearShapes } from "./shape/linear.js";
import { OpUse, type ShapeRules, type TensorType } from "./shape/rule.js";
import { structureShapes } from "./shape/structure.js";

const rules: ShapeRules<OpName> = { ...elementwiseShapes, ...structureShapes, ...linearShapes, ...compositeShapes };

/**
 * Returns the type of `op` applied to `inputs`.
 *
 * @throws CompilerBug if the operands do not have the types that the op takes.
 */
export function inferType<K extends OpName>(op: K, inputs: readonly Node[], attrs: OpAttrs[K]): TensorType {
  return rules[op](new OpUse(op, inputs), attrs);
}

export { outputSize, windowCount } from "./shape/linear.js";
export { elementCount, sameShape, type TensorType, typeText } from "./shape/rule.js";
