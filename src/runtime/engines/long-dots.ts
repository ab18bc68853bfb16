/**
 * Rewrites products of very long vectors into sums of shorter products. Engines multiply some shapes with one 32-bit accumulator for
 * each result, which loses digits over many terms: the sum of 12.8 million squares was up to 4 % too small.
 */
import type { Graph } from "../../compiler/tensor/graph.js";
import type { Node } from "../../compiler/tensor/ir.js";
import { Ops } from "../../compiler/tensor/ops.js";
import { elementCount } from "../../compiler/tensor/shape.js";
import { rebuild } from "../../compiler/tensor/walk.js";
import { operand } from "./lowering.js";
import { otherAxes } from "./matrices.js";

/** The largest number of terms that are left to one product. */
const limit = 16384;

/** Returns the roots of the same graph in which no `dot_general` has more terms for a result than the limit. */
export function splitLongDots(graph: Graph, roots: readonly Node[]): Node[] {
  return rebuild(graph, roots, (node, inputs) =>
    node.op === "dot_general" && termsOf(node) > limit ? split(new Ops(graph), node, inputs) : undefined,
  );
}

const sizes = (node: Node, axes: readonly number[]): number[] => axes.map((axis) => node.shape[axis] ?? 1);
const termsOf = (node: Node<"dot_general">): number => elementCount(sizes(operand(node, 0), node.attrs.lhsContract));

function split(o: Ops, node: Node<"dot_general">, [lhs, rhs]: readonly Node[]): Node | undefined {
  if (lhs === undefined || rhs === undefined) return undefined;
  const { lhsBatch, rhsBatch, lhsContract, rhsContract } = node.attrs;
  const parts = Math.ceil(termsOf(node) / limit);
  const a = inParts(o, lhs, lhsBatch, lhsContract, parts);
  const b = inParts(o, rhs, rhsBatch, rhsContract, parts);
  // Each is [batch, rest, parts, part]. The products are [batch, parts, rest of lhs, rest of rhs].
  const products = o.dot(
    a,
    b,
    [[3], [3]],
    [
      [0, 2],
      [0, 2],
    ],
  );
  return o.reshape(o.sum(products, [1]), node.shape);
}

/** Returns x as [batch, rest, parts, terms of a part]. Zeros fill the last part. */
function inParts(o: Ops, x: Node, batch: readonly number[], contract: readonly number[], parts: number): Node {
  const rest = otherAxes(x.shape.length, batch, contract);
  const terms = elementCount(sizes(x, contract));
  const part = Math.ceil(terms / parts);
  const outer = [elementCount(sizes(x, batch)), elementCount(sizes(x, rest))] as const;
  const rows = o.reshape(o.transpose(x, [...batch, ...rest, ...contract]), [...outer, terms]);
  return o.reshape(o.pad(rows, [0, 0, 0], [0, 0, parts * part - terms]), [...outer, parts, part]);
}
