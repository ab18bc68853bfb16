/** Rewrites of a program, still in the IR, that make its ONNX form fast: the results are the same to rounding. */
import { decomposed } from "../../../compiler/tensor/decompose.js";
import { Graph } from "../../../compiler/tensor/graph.js";
import type { Node, Program } from "../../../compiler/tensor/ir.js";
import { Ops } from "../../../compiler/tensor/ops.js";
import { rebuild } from "../../../compiler/tensor/walk.js";

export function prepare(program: Program): Program {
  const graph = new Graph();
  const ops = new Ops(graph);
  const inputs = program.inputs.map((input) => {
    const { name, shape, dtype } = input.node.attrs;
    return { ...input, node: graph.input(name, shape, dtype, input.node.span) };
  });
  const roots = rebuild(
    graph,
    program.outputs.map((output) => output.node),
    (node, operands) => rewrite(ops, node, operands),
  );
  return {
    name: program.name,
    inputs,
    outputs: program.outputs.map((output, index) => ({ ...output, node: roots[index] ?? output.node })),
  };
}

function rewrite(ops: Ops, node: Node, operands: readonly Node[]): Node | undefined {
  if (node.op === "random_bits") return decomposed(ops, node.op, operands, node.attrs);
  return undefined;
}
