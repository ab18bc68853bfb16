/** Rewriting of programs by rules, each of which looks at one node whose operands are rewritten already. */
import { CompilerBug } from "../../../common/bug.js";
import type { Graph } from "../graph.js";
import type { Node, OpName, Program } from "../ir.js";
import { Ops } from "../ops.js";
import { rewriteProgram } from "../program.js";
import { reachable, rebuild } from "../walk.js";

export interface RewriteRule {
  readonly name: string;
  /** The ops that the rule looks at. */
  readonly on: readonly OpName[];
  /**
   * Returns the node that replaces `node`, or undefined if the rule does not apply. The replacement has the same value
   * and is cheaper, or lets another rule apply.
   */
  apply(o: Ops, node: Node, context: RewriteContext): Node | undefined;
}

/** The surroundings of a node before the sweep. */
export interface RewriteContext {
  readonly before: Node;
  /** Returns true if exactly one node uses this one and no output of the program does. */
  usedOnce(node: Node): boolean;
}

/** One sweep over a program: the program after it, and how often each rule replaced a node, by the rule's name. */
export interface Sweep {
  readonly program: Program;
  readonly applied: ReadonlyMap<string, number>;
}

/** After this many steps at one node, or sweeps over a program, two rules must be undoing each other. */
const patience = 100;

export class Rewriter {
  private readonly byOp = new Map<OpName, RewriteRule[]>();

  constructor(rules: readonly RewriteRule[]) {
    for (const rule of rules) for (const op of rule.on) this.byOp.set(op, [...(this.byOp.get(op) ?? []), rule]);
  }

  /**
   * Applies the rules in sweeps until a sweep replaces nothing, and yields each sweep. Each builds a graph in the order of
   * the last one. The program of the last sweep is the result.
   */
  *sweeps(program: Program): Generator<Sweep, void> {
    let current = program;
    for (let count = 0; count < patience; count++) {
      const sweep = this.sweep(current);
      yield sweep;
      if (sweep.applied.size === 0) return;
      current = sweep.program;
    }
    throw new CompilerBug(`rewrites of ${program.name} do not end`);
  }

  private sweep(program: Program): Sweep {
    const applied = new Map<string, number>();
    const rewritten = rewriteProgram(program, (graph, roots) => this.rebuilt(graph, roots, applied));
    return { program: rewritten, applied };
  }

  /** Looks at each node once, operands first. Nodes inside a replacement are looked at in the next sweep. */
  private rebuilt(graph: Graph, roots: readonly Node[], applied: Map<string, number>): Node[] {
    const o = new Ops(graph);
    const users = countUsers(roots);
    const usedOnce = (node: Node): boolean => users.get(node) === 1;
    return rebuild(graph, roots, (node, inputs) => {
      let current: Node = graph.op(node.op, inputs, node.attrs);
      for (let step = 0; step < patience; step++) {
        const replacement = this.step(o, current, { before: node, usedOnce }, applied);
        if (replacement === undefined) return current;
        current = replacement;
      }
      throw new CompilerBug(`rewrites of ${node.op} do not end`);
    });
  }

  private step(o: Ops, node: Node, context: RewriteContext, applied: Map<string, number>): Node | undefined {
    for (const rule of this.byOp.get(node.op) ?? []) {
      const replacement = rule.apply(o, node, context);
      if (replacement === undefined || replacement === node) continue;
      applied.set(rule.name, (applied.get(rule.name) ?? 0) + 1);
      return replacement;
    }
    return undefined;
  }
}

/** Counts the nodes and roots that use each node. */
function countUsers(roots: readonly Node[]): Map<Node, number> {
  const users = new Map<Node, number>();
  const count = (node: Node): void => {
    users.set(node, (users.get(node) ?? 0) + 1);
  };
  for (const node of reachable(roots)) for (const input of new Set(node.inputs)) count(input);
  for (const root of roots) count(root);
  return users;
}
