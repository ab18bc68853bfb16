/** Rewriting by rules: each looks at one node, whose operands are rewritten already. */
import { CompilerBug } from "../../bug.js";
import type { Graph } from "../graph.js";
import type { Node, OpName } from "../ir.js";
import { Ops } from "../ops.js";
import { rebuild } from "../walk.js";

export interface RewriteRule {
  readonly name: string;
  /** The ops it looks at. */
  readonly on: readonly OpName[];
  /** What to put in the node's place: of equal value, and cheaper or nearer to another rule. */
  apply(o: Ops, node: Node): Node | undefined;
}

/** Steps at one node, and sweeps over a graph, after which two rules must be undoing each other. */
const PATIENCE = 100;

/** `roots` with `rules` applied until none does anything. */
export function rewrite(graph: Graph, roots: readonly Node[], rules: readonly RewriteRule[]): Node[] {
  const o = new Ops(graph);
  const byOp = new Map<OpName, RewriteRule[]>();
  for (const rule of rules) for (const op of rule.on) byOp.set(op, [...(byOp.get(op) ?? []), rule]);
  const step = (node: Node): Node | undefined => {
    for (const rule of byOp.get(node.op) ?? []) {
      const made = rule.apply(o, node);
      if (made && made !== node) return made;
    }
    return undefined;
  };
  let current = [...roots];
  for (let sweep = 0; sweep < PATIENCE; sweep++) {
    const next = rebuild(graph, current, (node, inputs) => {
      let made = inputs.every((input, place) => input === node.inputs[place])
        ? node
        : graph.op(node.op, inputs, node.attrs);
      for (let steps = 0; steps < PATIENCE; steps++) {
        const better = step(made);
        if (!better) return made;
        made = better;
      }
      throw new CompilerBug(`rewrites of ${node.op} do not end`);
    });
    if (next.every((node, place) => node === current[place])) return next;
    current = next;
  }
  throw new CompilerBug("rewrites do not end");
}
