/** The decomposition table, which writes every composite in primitives. */
import { activationDecompositions } from "./decompose/activation.js";
import { normDecompositions } from "./decompose/norm.js";
import { randomDecompositions } from "./decompose/random.js";
import type { Decompositions, Operands } from "./decompose/rule.js";
import type { Graph } from "./graph.js";
import type { CompositeName, Node, OpAttrs, OpName } from "./ir.js";
import { Ops } from "./ops.js";
import { rebuild } from "./walk.js";

const rules: Decompositions<CompositeName> = {
  ...activationDecompositions,
  ...normDecompositions,
  ...randomDecompositions,
};

export function isComposite(op: OpName): op is CompositeName {
  return op in rules;
}

/** Returns `op` applied to `inputs`, in primitives. */
export function decomposed<K extends CompositeName>(o: Ops, op: K, inputs: readonly Node[], attrs: OpAttrs[K]): Node {
  return rules[op](o, inputs as unknown as Operands, attrs);
}

/** Returns `roots` with every composite expanded except those for which `keep` returns true. */
export function decompose(
  graph: Graph,
  roots: readonly Node[],
  keep: (op: CompositeName) => boolean = () => false,
): Node[] {
  const o = new Ops(graph);
  return rebuild(graph, roots, (node, inputs) =>
    isComposite(node.op) && !keep(node.op)
      ? decomposed(o, node.op, inputs, node.attrs as OpAttrs[CompositeName])
      : undefined,
  );
}
