/** Rewrites a program in the IR so that its ONNX model is fast. The results are the same up to rounding. */
import { decompose, isComposite } from "../../../compiler/tensor/decompose.js";
import type { Graph } from "../../../compiler/tensor/graph.js";
import type { CompositeName, Node, OpName, Program } from "../../../compiler/tensor/ir.js";
import { Ops } from "../../../compiler/tensor/ops.js";
import { rewriteProgram } from "../../../compiler/tensor/program.js";
import { reachable } from "../../../compiler/tensor/walk.js";
import { splitLongDots } from "../long-dots.js";
import { NormBlocks } from "./norm-blocks/rewrite.js";
import { webgpuForms } from "./webgpu/forms.js";

export type OnnxDevice = "cpu" | "gpu";

/** The composite ops that have no lowering rule for a device, or no kernel on it. */
const withoutRule: Readonly<Record<OnnxDevice, ReadonlySet<CompositeName>>> = {
  cpu: new Set(["random_bits"]),
  gpu: new Set(["random_bits", "log_softmax"]),
};

/** Tells whether the op is decomposed into primitive ops before it is lowered. */
export const isExpanded = (op: OpName, device: OnnxDevice): boolean => isComposite(op) && withoutRule[device].has(op);

export interface Prepared {
  readonly program: Program;
  /** Convolutions whose channels have means near 0, where E[x²] − E[x]² is an accurate variance. */
  readonly centered: ReadonlySet<Node>;
}

export function prepare(program: Program, device: OnnxDevice): Prepared {
  const centered = new Set<Node>();
  const prepared = rewriteProgram(program, (graph, roots) => {
    const expanded = decompose(graph, roots, (op) => !isExpanded(op, device));
    const split = splitLongDots(graph, expanded);
    return rewriteNorms(graph, device === "gpu" ? webgpuForms(graph, split) : split, centered);
  });
  return { program: prepared, centered };
}

function rewriteNorms(graph: Graph, roots: readonly Node[], centered: Set<Node>): readonly Node[] {
  const nodes = reachable(roots);
  const ops = new Ops(graph);
  const built = new Map<Node, Node>();
  // The rewrite of a block's first node may need nodes that come later, such as the scale of its norm.
  const rewritten = (node: Node): Node => {
    const known = built.get(node);
    if (known !== undefined) return known;
    const made = graph.at(node.span, () => {
      const replacement = blocks.rewrite(node);
      if (replacement !== undefined) return replacement;
      const inputs = node.inputs.map(rewritten);
      return inputs.every((input, place) => input === node.inputs[place])
        ? node
        : graph.op(node.op, inputs, node.attrs);
    });
    built.set(node, made);
    return made;
  };
  const blocks = new NormBlocks(ops, nodes, rewritten, centered);
  for (const node of nodes) rewritten(node);
  return roots.map(rewritten);
}
