/** Rewriting of whole programs. */
import { CompilerBug } from "../../common/bug.js";
import { Graph } from "./graph.js";
import type { Node, Program, ProgramInput, ProgramOutput } from "./ir.js";

/**
 * Returns the program with its outputs rewritten. `rewrite` gets the old roots and a new graph, and builds operands first
 * and in the old order. A replacement is made where the old node stood, so the order of emission and the peak of memory
 * stay the same. All inputs are kept, used or not: the feeds of a program must not depend on its passes.
 *
 * @throws CompilerBug if `rewrite` returns too few outputs, or one of another graph.
 */
export function rewriteProgram(
  program: Program,
  rewrite: (graph: Graph, roots: readonly Node[]) => readonly Node[],
): Program {
  const graph = new Graph();
  const inputs = program.inputs.map((input): ProgramInput => {
    const { name, shape, dtype } = input.node.attrs;
    return { ...input, node: graph.input(name, shape, dtype, input.node.span) };
  });
  const rewritten = rewrite(graph, rootsOf(program));
  const outputs = program.outputs.map((output, place): ProgramOutput => {
    const node = rewritten[place];
    if (node === undefined || graph.nodes[node.id] !== node)
      throw new CompilerBug(`a pass lost output ${output.name} of ${program.name}`);
    return { ...output, node };
  });
  return { name: program.name, inputs, outputs };
}

/** Returns the nodes of the outputs. */
export function rootsOf(program: Program): Node[] {
  return program.outputs.map((output) => output.node);
}
