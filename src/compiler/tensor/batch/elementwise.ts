/** The batching rules of element-wise ops: tasks may stay in the form that an operand already has. */
import type { Node, OpAttrs, OpName, PrimitiveName } from "../ir.js";
import {
  type Batch,
  type BatchedOperands,
  BatchedValue,
  type BatchRule,
  type BatchRules,
  never,
} from "./batched-value.js";

/** Applies an op in channels form if an operand is already in it, and in leading form otherwise. */
export function inAnyForm<K extends OpName>(batch: Batch, node: Node<K>, inputs: BatchedOperands): BatchedValue {
  const { graph } = batch.o;
  const made = (operands: Node[]): Node => graph.op(node.op as K, operands, node.attrs as OpAttrs[K]) as Node;
  return inputs.some((lane) => lane.inChannels)
    ? BatchedValue.channels(batch, made(inputs.map((lane) => lane.channels())))
    : BatchedValue.leading(batch, made(inputs.map((lane) => lane.leading())));
}
const elementwise: BatchRule<OpName> = inAnyForm;

export const elementwiseBatches = {
  input: never,
  const: never,
  iota: never,
  neg: elementwise,
  exp: elementwise,
  log: elementwise,
  sqrt: elementwise,
  rsqrt: elementwise,
  tanh: elementwise,
  erf: elementwise,
  abs: elementwise,
  floor: elementwise,
  not: elementwise,
  add: elementwise,
  sub: elementwise,
  mul: elementwise,
  div: elementwise,
  max: elementwise,
  min: elementwise,
  pow: elementwise,
  and: elementwise,
  or: elementwise,
  xor: elementwise,
  shl: elementwise,
  shr: elementwise,
  compare: elementwise,
  select: elementwise,
  cast: elementwise,
  stop_gradient: elementwise,
} satisfies Partial<BatchRules<PrimitiveName>>;
