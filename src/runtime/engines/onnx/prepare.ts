/** Rewrites of a program, still in the IR, that make its ONNX form fast: the results are the same to rounding. */
import { decompose } from "../../../compiler/tensor/decompose.js";
import type { Program } from "../../../compiler/tensor/ir.js";
import { rewriteProgram } from "../../../compiler/tensor/program.js";

export function prepare(program: Program): Program {
  return rewriteProgram(program, (graph, roots) => decompose(graph, roots, (op) => op !== "random_bits"));
}
