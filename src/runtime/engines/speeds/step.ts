/** The training step by which engines are compared: two blocks of convolution, norm, ReLU and pool, with their gradient and an update. */
import { gradient } from "../../../compiler/tensor/derivative.js";
import { Graph } from "../../../compiler/tensor/graph.js";
import type { Node, Program } from "../../../compiler/tensor/ir.js";
import { Ops } from "../../../compiler/tensor/ops.js";

/** The number of the step. A stored speed of another step does not count. */
export const stepVersion = 1;

const [images, size, filters] = [60, 28, 32];

/** The weights of the step, by name. */
export const weightShapes: Readonly<Record<string, readonly number[]>> = {
  first: [filters, 3, 3, 3],
  second: [filters, filters, 3, 3],
  third: [filters, filters, 3, 3],
};

/** Returns a program with the feed `images`, f32 [60, 3, 28, 28], and the weights as states. */
export function trialStep(): Program {
  const graph = new Graph();
  const t = new Ops(graph);
  const input = t.input("images", [images, 3, size, size]);
  const weights = Object.entries(weightShapes).map(([name, shape]) => ({ name, node: t.input(name, shape) }));
  const one = t.splat(t.scalar(1), [filters]);
  const zero = t.splat(t.scalar(0), [filters]);
  let x: Node = input;
  for (const { node } of weights) {
    x = t.conv2d(x, node, { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 });
    x = t.relu(t.batchNorm(x, one, zero, { groups: 1, eps: 1e-5 }));
    x = t.maxPool(x, { size: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] });
  }
  const loss = t.sum(t.square(x));
  const slopes = gradient(
    graph,
    loss,
    weights.map(({ node }) => node),
  );
  const after = weights.map(({ node }, i) => t.sub(node, t.mul(slopes[i] ?? node, 1e-6)));
  return {
    name: "trial",
    inputs: [
      { name: "images", node: input, role: "feed" },
      ...weights.map(({ name, node }) => ({ name, node, role: "state" as const, next: `new ${name}` })),
    ],
    outputs: [
      { name: "loss", node: loss, role: "host" },
      ...weights.map(({ name }, i) => ({ name: `new ${name}`, node: after[i] as Node, role: "state" as const })),
    ],
  };
}
