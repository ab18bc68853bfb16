/** Rewrites a program in the IR before it is lowered. */
import { decompose } from "../../../compiler/tensor/decompose.js";
import type { Graph } from "../../../compiler/tensor/graph.js";
import type { Node, Program } from "../../../compiler/tensor/ir.js";
import { Ops } from "../../../compiler/tensor/ops.js";
import { rewriteProgram } from "../../../compiler/tensor/program.js";
import { reachable, rebuild } from "../../../compiler/tensor/walk.js";
import { foldAffineIntoConv, isConvReadOnce } from "../affine.js";
import { splitLongDots } from "../long-dots.js";
import { normLimit, withoutLongNorms } from "../long-norms.js";
import { decomposedOps } from "./lowering.js";

export function prepare(program: Program): Program {
  const expanded: ReadonlySet<string> = new Set(decomposedOps);
  const shortNorms = (graph: Graph, roots: readonly Node[]) => withoutLongNorms(graph, roots, normLimit);
  const rewrites = [withoutVanishingSums, masksByResult, foldedAffines, shortNorms, splitLongDots];
  return rewriteProgram(program, (graph, roots) =>
    decompose(
      graph,
      rewrites.reduce<readonly Node[]>((nodes, rewrite) => rewrite(graph, nodes), roots),
      (op) => !expanded.has(op),
    ),
  );
}

/** Replaces the sum of a batch norm's gradient over a channel by 0, which it is. So is the gradient of a bias under a batch norm. */
function withoutVanishingSums(graph: Graph, roots: readonly Node[]): Node[] {
  return rebuild(graph, roots, (node, [x]) =>
    node.op === "reduce_sum" && node.attrs.axes.join() === "0,2,3" && x?.op === "batch_norm_grad_x"
      ? graph.op("const", [], { shape: node.shape, dtype: "f32", data: [0] })
      : undefined,
  );
}

/** Lets the gradient of a ReLU read its result instead of its operand, which is then needed no more: one is above 0 where the other is. */
function masksByResult(graph: Graph, roots: readonly Node[]): Node[] {
  const results = new Set(reachable(roots).flatMap((node) => (node.op === "relu" ? [node.inputs[0]] : [])));
  return rebuild(graph, roots, (node, [x, dy]) => {
    if (node.op !== "relu_grad" || !results.has(node.inputs[0]) || x === undefined || dy === undefined)
      return undefined;
    return graph.op("relu_grad", [graph.op("relu", [x], {}), dy], {});
  });
}

/** Multiplies a scale and a shift per channel into the filters and the bias of the convolution before it. */
function foldedAffines(graph: Graph, roots: readonly Node[]): Node[] {
  const users = new Map<Node, number>(roots.map((root) => [root, 2]));
  for (const node of reachable(roots)) for (const input of node.inputs) users.set(input, (users.get(input) ?? 0) + 1);
  return rebuild(graph, roots, (node, inputs) =>
    node.op === "channel_affine" && isConvReadOnce(node.inputs[0], users)
      ? foldAffineIntoConv(new Ops(graph), inputs)
      : undefined,
  );
}
