/** Rewriting by rules: each looks at one node, whose operands are rewritten already. */
import { CompilerBug } from "../../../common/bug.js";
import type { Graph } from "../graph.js";
import type { Node, OpName, Program } from "../ir.js";
import { Ops } from "../ops.js";
import { rewriteProgram } from "../program.js";
import { reachable, rebuild } from "../walk.js";

export interface RewriteRule {
  readonly name: string;
  /** The ops it looks at. */
  readonly on: readonly OpName[];
  /** What to put in the node's place: of equal value, and cheaper or nearer to another rule. */
  apply(o: Ops, node: Node, place: Place): Node | undefined;
}

/** Where the node stands before the sweep: what else needs its operands. */
export interface Place {
  readonly before: Node;
  /** Whether one node needs this one, and no output of the program. */
  usedOnce(node: Node): boolean;
}

/** Steps at one node, and sweeps over a graph, after which two rules must be undoing each other. */
const patience = 100;

/** Rules by the ops that they look at. */
export class Rewriter {
  private readonly byOp = new Map<OpName, RewriteRule[]>();

  constructor(rules: readonly RewriteRule[]) {
    for (const rule of rules) for (const op of rule.on) this.byOp.set(op, [...(this.byOp.get(op) ?? []), rule]);
  }

  /** The program with every rule applied until none does anything: each sweep builds a graph in the order of the last. */
  program(program: Program): Program {
    let current = program;
    for (let sweep = 0; sweep < patience; sweep++) {
      let fired = false;
      current = rewriteProgram(current, (graph, roots) => {
        const swept = this.sweep(graph, roots);
        fired = swept.fired;
        return swept.made;
      });
      if (!fired) return current;
    }
    throw new CompilerBug(`rewrites of ${program.name} do not end`);
  }

  /** One look at each node, operands first: new nodes inside of what a rule made wait for the next. */
  private sweep(graph: Graph, roots: readonly Node[]): { made: Node[]; fired: boolean } {
    const o = new Ops(graph);
    let fired = false;
    const users = usersOf(roots);
    const usedOnce = (node: Node): boolean => users.get(node) === 1;
    const made = rebuild(graph, roots, (node, inputs) => {
      let current: Node = graph.op(node.op, inputs, node.attrs);
      for (let step = 0; step < patience; step++) {
        const better = this.step(o, current, { before: node, usedOnce });
        if (better === undefined) return current;
        fired = true;
        current = better;
      }
      throw new CompilerBug(`rewrites of ${node.op} do not end`);
    });
    return { made, fired };
  }

  private step(o: Ops, node: Node, place: Place): Node | undefined {
    for (const rule of this.byOp.get(node.op) ?? []) {
      const made = rule.apply(o, node, place);
      if (made !== undefined && made !== node) return made;
    }
    return undefined;
  }
}

/** How many nodes and roots need each node. */
function usersOf(roots: readonly Node[]): Map<Node, number> {
  const users = new Map<Node, number>();
  const count = (node: Node): void => {
    users.set(node, (users.get(node) ?? 0) + 1);
  };
  for (const node of reachable(roots)) for (const input of new Set(node.inputs)) count(input);
  for (const root of roots) count(root);
  return users;
}
