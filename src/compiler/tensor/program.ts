/** Programs as wholes. */
import { CompilerBug } from "../bug.js";
import { Graph } from "./graph.js";
import type { Node, Program, ProgramInput, ProgramOutput } from "./ir.js";
import { rebuild } from "./walk.js";

/**
 * The program with its outputs rewritten, in a graph that holds nothing else. Inputs stay as they are, used or not: what
 * a program is fed does not depend on what its passes find.
 */
export function rewriteProgram(
  program: Program,
  rewrite: (graph: Graph, roots: readonly Node[]) => readonly Node[],
): Program {
  const scratch = new Graph();
  const copied = rebuild(scratch, rootsOf(program), () => undefined);
  const rewritten = rewrite(scratch, copied);
  const graph = new Graph();
  const inputs = program.inputs.map((input): ProgramInput => {
    const { name, shape, dtype } = input.node.attrs;
    return { ...input, node: graph.input(name, shape, dtype, input.node.span) };
  });
  const final = rebuild(graph, rewritten, () => undefined);
  const outputs = program.outputs.map((output, place): ProgramOutput => {
    const node = final[place];
    if (!node) throw new CompilerBug(`a pass lost output ${output.name} of ${program.name}`);
    return { ...output, node };
  });
  return { name: program.name, inputs, outputs };
}

export function rootsOf(program: Program): Node[] {
  return program.outputs.map((output) => output.node);
}
