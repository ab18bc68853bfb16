/** Batching over tasks: a graph that describes one task is transformed to compute many, on a leading axis. */
import { CompilerBug } from "../../common/bug.js";
import {
  type Batch,
  type BatchedOperands,
  BatchedValue,
  type BatchRule,
  type BatchRules,
} from "./batch/batched-value.js";
import { compositeBatches } from "./batch/composite.js";
import { elementwiseBatches } from "./batch/elementwise.js";
import { linearBatches } from "./batch/linear.js";
import { structureBatches } from "./batch/structure.js";
import type { Graph } from "./graph.js";
import type { Node, OpName } from "./ir.js";
import { Ops } from "./ops.js";
import { sameShape } from "./shape.js";
import { reachable } from "./walk.js";

const rules: BatchRules<OpName> = { ...elementwiseBatches, ...structureBatches, ...linearBatches, ...compositeBatches };

/**
 * Returns `outputs` for `size` tasks, each with a leading axis of that size. `batched` gives the values with that axis for
 * each node that differs between tasks (an input or any other node). All other nodes are shared. A node that depends on
 * shared nodes only is computed once.
 *
 * @throws CompilerBug if values in `batched` do not have the type of their node with the leading axis.
 */
export function batch(graph: Graph, outputs: readonly Node[], batched: ReadonlyMap<Node, Node>, size: number): Node[] {
  const whole: Batch = { o: new Ops(graph), size };
  const values = new Map<Node, BatchedValue>();
  for (const [node, given] of batched) {
    if (given.dtype !== node.dtype || !sameShape(given.shape, [size, ...node.shape]))
      throw new CompilerBug(`${node.op} [${node.shape.join(", ")}] is batched as [${given.shape.join(", ")}]`);
    values.set(node, BatchedValue.leading(whole, given));
  }
  const valueOf = (node: Node): BatchedValue => {
    const value = values.get(node);
    if (value === undefined) throw new CompilerBug(`${node.op} ${node.id} is used before it is batched`);
    return value;
  };
  for (const node of reachable(outputs)) {
    if (values.has(node)) continue;
    const inputs = node.inputs.map(valueOf);
    const plain = inputs.every((input) => input.shared);
    values.set(node, plain ? BatchedValue.shared(whole, node) : graph.at(node.span, () => apply(whole, node, inputs)));
  }
  return outputs.map((node) => valueOf(node).leading());
}

function apply<K extends OpName>(whole: Batch, node: Node<K>, inputs: readonly BatchedValue[]): BatchedValue {
  const rule = rules[node.op] as BatchRule<K>;
  return rule(whole, node, inputs as unknown as BatchedOperands);
}
