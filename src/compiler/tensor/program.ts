/** Programs as wholes. */
import { CompilerBug } from "../../common/bug.js";
import { Graph } from "./graph.js";
import type { Node, Program, ProgramInput, ProgramOutput } from "./ir.js";

/**
 * The program with its outputs rewritten. `rewrite` gets the roots where they are and a fresh graph to build in, operands
 * first and in the old order: what replaces a node is made where the node stood, so that the order of emission (and with
 * it the peak of memory) survives. Inputs stay as they are, used or not: what a program is fed does not depend on what
 * its passes find.
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

export function rootsOf(program: Program): Node[] {
  return program.outputs.map((output) => output.node);
}
