/** Rewrites of a program, still in the IR, that make its ONNX form fast: the results are the same to rounding. */
import { decompose, isComposite } from "../../../compiler/tensor/decompose.js";
import type { Graph } from "../../../compiler/tensor/graph.js";
import type { CompositeName, Node, OpName, Program } from "../../../compiler/tensor/ir.js";
import { Ops } from "../../../compiler/tensor/ops.js";
import { rewriteProgram } from "../../../compiler/tensor/program.js";
import { reachable } from "../../../compiler/tensor/walk.js";
import { NormBlocks } from "./norm-blocks.js";
import { webgpuForms } from "./webgpu/forms.js";

export type OnnxDevice = "cpu" | "gpu";

/** Composites that a device has no lowering rule for, or no kernel behind it. */
const withoutRule: Readonly<Record<OnnxDevice, ReadonlySet<CompositeName>>> = {
  cpu: new Set(["random_bits"]),
  gpu: new Set(["random_bits", "log_softmax"]),
};

/** Whether the op is written in primitives before it is lowered. */
export const isExpanded = (op: OpName, device: OnnxDevice): boolean => isComposite(op) && withoutRule[device].has(op);

export interface Prepared {
  readonly program: Program;
  /** Convolutions whose channels' means are near 0: E[x²] − E[x]² is a safe variance there. */
  readonly centred: ReadonlySet<Node>;
}

export function prepare(program: Program, device: OnnxDevice): Prepared {
  const centred = new Set<Node>();
  const rewritten = rewriteProgram(program, (graph, roots) => {
    const expanded = decompose(graph, roots, (op) => !isExpanded(op, device));
    return rewriteNorms(graph, device === "gpu" ? webgpuForms(graph, expanded) : expanded, centred);
  });
  return { program: rewritten, centred };
}

function rewriteNorms(graph: Graph, roots: readonly Node[], centred: Set<Node>): readonly Node[] {
  const nodes = reachable(roots);
  const ops = new Ops(graph);
  const built = new Map<Node, Node>();
  // A block's rewriting may ask for what was made after its first node: the scales of its norm.
  const of = (node: Node): Node => {
    const known = built.get(node);
    if (known !== undefined) return known;
    const made = graph.at(node.span, () => {
      const replacement = blocks.rewrite(node);
      if (replacement !== undefined) return replacement;
      const inputs = node.inputs.map(of);
      return inputs.every((input, place) => input === node.inputs[place])
        ? node
        : graph.op(node.op, inputs, node.attrs);
    });
    built.set(node, made);
    return made;
  };
  const blocks = new NormBlocks(ops, nodes, of, centred);
  for (const node of nodes) of(node);
  return roots.map(of);
}
