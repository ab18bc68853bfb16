/** The rule that writes Σ(a − b)² between all pairs as ‖a‖² + ‖b‖² − 2·a·b: a matrix product instead of a tensor of differences. */
import type { Node, Shape } from "../ir.js";
import type { Ops } from "../ops.js";
import { elementCount } from "../shape.js";
import type { RewriteRule } from "./rewrite.js";

/** One side of the difference: the value that is repeated, and the axis of the difference for each of its own axes. */
interface Side {
  readonly x: Node;
  readonly dims: readonly number[];
}
function side(node: Node): Side {
  const [source] = node.inputs;
  if (node.op === "broadcast" && source !== undefined) return { x: source, dims: node.attrs.dims };
  return { x: node, dims: node.shape.map((_, axis) => axis) };
}

/** Returns the positions of `axes` among the axes of the side. */
const placesOf = ({ dims }: Side, axes: readonly number[]): number[] => axes.map((axis) => dims.indexOf(axis));

/** Returns `x`, whose axes are the axes `order` of the difference, repeated over the axes `kept` that remain, in `shape`. */
function placed(o: Ops, x: Node, order: readonly number[], kept: readonly number[], shape: Shape): Node {
  const rising = [...order].sort((a, b) => a - b);
  const turned = o.transpose(
    x,
    rising.map((axis) => order.indexOf(axis)),
  );
  return o.broadcast(
    turned,
    shape,
    rising.map((axis) => kept.indexOf(axis)),
  );
}

export const distanceRule: RewriteRule = {
  name: "squared distance as a matrix product",
  on: ["reduce_sum"],
  apply: (o, node, { before, usedOnce }) => {
    if (node.op !== "reduce_sum") return undefined;
    // A derivative needs the differences themselves. They are computed anyway then, and a product would only add work.
    const [squares] = before.inputs;
    const [differences] = squares?.inputs ?? [];
    if (squares === undefined || differences === undefined || !usedOnce(squares) || !usedOnce(differences))
      return undefined;
    const { axes } = node.attrs;
    const [product] = node.inputs;
    const [d, again] = product?.inputs ?? [];
    if (product?.op !== "mul" || d?.op !== "sub" || d !== again) return undefined;
    const [a, b] = d.inputs.map(side) as [Side, Side];
    const summedInBoth = axes.every((axis) => a.dims.includes(axis) && b.dims.includes(axis));
    const saves = elementCount(d.shape) > [a.x, b.x, node].reduce((sum, { shape }) => sum + elementCount(shape), 0);
    if (!summedInBoth || !saves) return undefined;

    const kept = d.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const shared = kept.filter((axis) => a.dims.includes(axis) && b.dims.includes(axis));
    const free = ({ dims }: Side): number[] => dims.filter((axis) => !axes.includes(axis) && !shared.includes(axis));
    const dot = o.dot(a.x, b.x, [placesOf(a, axes), placesOf(b, axes)], [placesOf(a, shared), placesOf(b, shared)]);
    const norm = (of: Side): Node => {
      const left = of.dims.filter((axis) => !axes.includes(axis));
      return placed(o, o.sum(o.square(of.x), placesOf(of, axes)), left, kept, node.shape);
    };
    const cross = placed(o, dot, [...shared, ...free(a), ...free(b)], kept, node.shape);
    // Rounding must not make a distance negative.
    return o.max(o.sub(o.add(norm(a), norm(b)), o.mul(cross, 2)), 0);
  },
};
