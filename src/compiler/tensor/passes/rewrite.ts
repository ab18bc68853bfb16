/** Rewriting by rules: each looks at one node, whose operands are rewritten already. */
import { CompilerBug } from "../../bug.js";
import type { Graph } from "../graph.js";
import type { Node, OpName, Program } from "../ir.js";
import { Ops } from "../ops.js";
import { rewriteProgram } from "../program.js";
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

/** Rules by the ops that they look at. */
export class Rewriter {
  readonly #byOp = new Map<OpName, RewriteRule[]>();

  constructor(rules: readonly RewriteRule[]) {
    for (const rule of rules) for (const op of rule.on) this.#byOp.set(op, [...(this.#byOp.get(op) ?? []), rule]);
  }

  /** `roots` with every rule applied until none does anything, in the graph that they are in. */
  inPlace(graph: Graph, roots: readonly Node[]): Node[] {
    let current = [...roots];
    for (let sweep = 0; sweep < PATIENCE; sweep++) {
      const { made, fired } = this.#sweep(graph, current);
      if (!fired) return made;
      current = made;
    }
    throw new CompilerBug("rewrites do not end");
  }

  /** The same, of a program: each sweep builds a graph of its own, in the order of the last. */
  program(program: Program): Program {
    let current = program;
    for (let sweep = 0; sweep < PATIENCE; sweep++) {
      let fired = false;
      current = rewriteProgram(current, (graph, roots) => {
        const swept = this.#sweep(graph, roots);
        fired = swept.fired;
        return swept.made;
      });
      if (!fired) return current;
    }
    throw new CompilerBug(`rewrites of ${program.name} do not end`);
  }

  /** One look at each node, operands first: new nodes inside of what a rule made wait for the next. */
  #sweep(graph: Graph, roots: readonly Node[]): { made: Node[]; fired: boolean } {
    const o = new Ops(graph);
    let fired = false;
    const made = rebuild(graph, roots, (node, inputs) => {
      let current: Node = graph.op(node.op, inputs, node.attrs);
      for (let step = 0; step < PATIENCE; step++) {
        const better = this.#step(o, current);
        if (!better) return current;
        fired = true;
        current = better;
      }
      throw new CompilerBug(`rewrites of ${node.op} do not end`);
    });
    return { made, fired };
  }

  #step(o: Ops, node: Node): Node | undefined {
    for (const rule of this.#byOp.get(node.op) ?? []) {
      const made = rule.apply(o, node);
      if (made && made !== node) return made;
    }
    return undefined;
  }
}
