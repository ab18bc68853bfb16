/** Walks over the nodes that some roots depend on. */
import { CompilerBug } from "../../common/bug.js";
import type { Graph } from "./graph.js";
import type { Node } from "./ir.js";

/**
 * Returns every node that `roots` depend on, with the roots themselves, operands first (by id). The walk stops at the nodes
 * in `ends`: they are in the result, but what they depend on is not unless another node needs it.
 */
export function reachable(roots: Iterable<Node>, ends: { has(node: Node): boolean } = new Set()): Node[] {
  const seen = new Set<Node>();
  const open = [...roots];
  for (let node = open.pop(); node; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (!ends.has(node)) open.push(...node.inputs);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** Returns the replacement of a node, given its rebuilt operands, or undefined to keep the op. */
export type Replace = (node: Node, inputs: readonly Node[]) => Node | undefined;

/**
 * Rebuilds in `graph` all nodes that `roots` depend on, operands first, with the replacements of `replace`. Spans are kept.
 * Returns the new roots.
 */
export function rebuild(graph: Graph, roots: readonly Node[], replace: Replace): Node[] {
  const built = new Map<Node, Node>();
  const of = (node: Node): Node => {
    const made = built.get(node);
    if (made === undefined) throw new CompilerBug(`${node.op} ${node.id} is used before it is built`);
    return made;
  };
  for (const node of reachable(roots)) {
    const inputs = node.inputs.map(of);
    const made = graph.at(node.span, () => {
      const replacement = replace(node, inputs);
      if (replacement !== undefined) return replacement;
      const same = graph.nodes[node.id] === node && inputs.every((input, place) => input === node.inputs[place]);
      return same ? node : graph.op(node.op, inputs, node.attrs);
    });
    built.set(node, made);
  }
  return roots.map(of);
}
