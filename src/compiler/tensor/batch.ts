/** Many tasks at once: a graph that describes one, run over a leading axis. */
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
 * `outputs` for `size` tasks: each gets a leading axis of that size. `batched` gives, for each node that differs between
 * tasks (an input, or any other node), its values with that axis; all else is shared, and computed once where nothing of
 * a task's own meets it.
 */
export function batch(graph: Graph, outputs: readonly Node[], batched: ReadonlyMap<Node, Node>, size: number): Node[] {
  const whole: Batch = { o: new Ops(graph), size };
  const lanes = new Map<Node, BatchedValue>();
  for (const [node, values] of batched) {
    if (values.dtype !== node.dtype || !sameShape(values.shape, [size, ...node.shape]))
      throw new CompilerBug(`${node.op} [${node.shape.join(", ")}] is batched as [${values.shape.join(", ")}]`);
    lanes.set(node, BatchedValue.leading(whole, values));
  }
  const laneOf = (node: Node): BatchedValue => {
    const lane = lanes.get(node);
    if (lane === undefined) throw new CompilerBug(`${node.op} ${node.id} is used before it is batched`);
    return lane;
  };
  for (const node of reachable(outputs)) {
    if (lanes.has(node)) continue;
    const inputs = node.inputs.map(laneOf);
    const plain = inputs.every((lane) => lane.shared);
    lanes.set(node, plain ? BatchedValue.plain(whole, node) : graph.at(node.span, () => apply(whole, node, inputs)));
  }
  return outputs.map((node) => laneOf(node).leading());
}

function apply<K extends OpName>(whole: Batch, node: Node<K>, inputs: readonly BatchedValue[]): BatchedValue {
  const rule = rules[node.op] as BatchRule<K>;
  return rule(whole, node, inputs as unknown as BatchedOperands);
}
