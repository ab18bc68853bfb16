/**
 * Rewrites a program in the IR so that it is cheaper, with the same results:
 * - Activations are moved behind max pools, forward and backward. An increasing activation does not change which element of a
 *   window is the largest, and the tensor is smaller after the pool.
 * - A scale and a shift per channel after a convolution are multiplied into its filters and its bias, which are smaller.
 * - The sum of a batch norm's gradient over a channel is 0. So is the gradient of a bias under a batch norm.
 *
 * Norms and products of many values are written so that they keep their digits.
 */
import { decompose } from "../../../compiler/tensor/decompose.js";
import type { Graph } from "../../../compiler/tensor/graph.js";
import type { Node, OpName, Program } from "../../../compiler/tensor/ir.js";
import { Ops } from "../../../compiler/tensor/ops.js";
import { rewriteProgram } from "../../../compiler/tensor/program.js";
import { reachable, rebuild } from "../../../compiler/tensor/walk.js";
import { foldAffineIntoConv, isConvReadOnce } from "../affine.js";
import { splitLongDots } from "../long-dots.js";
import { withoutLongNorms } from "../long-norms.js";

type Activation = Node<"relu"> | Node<"leaky_relu">;
type Gradient = Node<"relu_grad"> | Node<"leaky_relu_grad">;

const gradientOf = { relu: "relu_grad", leaky_relu: "leaky_relu_grad" } as const;
const pools: ReadonlySet<OpName> = new Set(["max_pool", "max_pool_grad", "max_pool_take"]);

/**
 * The largest number of values in a channel that the fused kernels normalize well. At 705,600 values their variance is 2e-4 too small,
 * at 12.8 million 3 %.
 */
const normLimit = 16384;

export function prepare(program: Program): Program {
  return rewriteProgram(program, (graph, roots) => {
    const expanded = decompose(graph, roots, (op) => op !== "random_bits");
    return splitLongDots(graph, withoutLongNorms(graph, rewrite(graph, expanded), normLimit));
  });
}

function rewrite(graph: Graph, roots: readonly Node[]): Node[] {
  const nodes = reachable(roots);
  const readByOthers = new Set<Node>(roots);
  for (const node of nodes) if (!pools.has(node.op)) for (const input of node.inputs) readByOthers.add(input);
  const users = new Map<Node, number>();
  for (const root of roots) users.set(root, 2);
  for (const node of nodes) for (const input of node.inputs) users.set(input, (users.get(input) ?? 0) + 1);
  /** The rebuilt activations that only pools read. */
  const pooled = new Set<Node>();
  return rebuild(graph, roots, (node, inputs) => {
    if (isIncreasing(node) && !readByOthers.has(node)) {
      const made = graph.op(node.op, inputs, node.attrs) as Activation;
      pooled.add(made);
      return made;
    }
    const [first] = inputs;
    if (node.op === "max_pool" && first !== undefined && isIncreasing(first) && pooled.has(first))
      return graph.op(first.op, [graph.op("max_pool", first.inputs, node.attrs)], first.attrs);
    if (node.op === "reduce_sum" && node.attrs.axes.join() === "0,2,3" && first?.op === "batch_norm_grad_x")
      return graph.op("const", [], { shape: node.shape, dtype: "f32", data: [0] });
    if (node.op === "channel_affine" && isConvReadOnce(node.inputs[0], users))
      return foldAffineIntoConv(new Ops(graph), inputs);
    return node.op === "relu_grad" || node.op === "leaky_relu_grad"
      ? movePoolBeforeGradient(graph, node, inputs)
      : undefined;
  });
}

/** act_grad(x, max_pool_grad(act(x), y, dy)) = max_pool_grad(x, max_pool(x), act_grad(max_pool(x), dy)) */
function movePoolBeforeGradient(graph: Graph, node: Gradient, [x, scatter]: readonly Node[]): Node | undefined {
  if (x === undefined || scatter?.op !== "max_pool_grad") return undefined;
  const [activation, , dy] = scatter.inputs;
  if (activation === undefined || dy === undefined || !isIncreasing(activation)) return undefined;
  if (gradientOf[activation.op] !== node.op || activation.inputs[0] !== x) return undefined;
  if (activation.op === "leaky_relu" && node.op === "leaky_relu_grad" && activation.attrs.slope !== node.attrs.slope)
    return undefined;
  const winners = graph.op("max_pool", [x], scatter.attrs);
  return graph.op("max_pool_grad", [x, winners, graph.op(node.op, [winners, dy], node.attrs)], scatter.attrs);
}

/**
 * Tells whether the node is an activation that increases strictly wherever its gradient is not 0. A max pool then selects the
 * same elements before and after it.
 */
function isIncreasing(node: Node): node is Activation {
  return node.op === "relu" || (node.op === "leaky_relu" && node.attrs.slope > 0);
}
