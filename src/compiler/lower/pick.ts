/** Lowering of what goes by labels: `pick` takes elements by their index along an axis, and `sum(x by y)` puts them there. */
import type { Axis } from "../typed/tree.js";
import { axesOf, type NamedOps, type NamedTensor } from "./named-tensor.js";

/**
 * Returns the elements of `x` at an index along `over`, or at the indices in `at` (i32). The result does not have `over`.
 * Other axes that `x` and `at` share are batch axes, and the result has the axes of `at` too.
 */
export function pick(ops: NamedOps, x: NamedTensor, at: number | NamedTensor, over: string): NamedTensor {
  if (typeof at === "number") {
    const one = ops.slice(x, over, at, at + 1);
    const place = ops.axisIndex(x, over);
    const shape = one.node.shape.filter((_, i) => i !== place);
    return ops.of(
      ops.t.reshape(one.node, shape),
      x.axes.filter((name) => name !== over),
    );
  }
  const shared = at.axes.filter((name) => name !== over && x.axes.includes(name));
  const own = at.axes.filter((name) => !shared.includes(name));
  const rest = x.axes.filter((name) => name !== over && !shared.includes(name));
  const values = ops.order(x, [...shared, over, ...rest]);
  const places = ops.order(at, [...shared, ...own]);
  const node = ops.t.gather(values.node, ops.cast(places, "i32").node, shared.length, shared.length);
  return ops.of(node, [...shared, ...own, ...rest]);
}

/** Returns the whole number from 0 to `size` − 1 that is nearest to each element (i32). What is no number becomes 0, so that every index is in range. */
export function nearest(ops: NamedOps, x: NamedTensor, size: number): NamedTensor {
  const zero = ops.scalar(0);
  const whole = ops.unary("floor", ops.add(x, ops.scalar(0.5)));
  const least = ops.select(ops.compare("gt", whole, zero), whole, zero);
  return ops.cast(ops.binary("min", least, ops.scalar(size - 1)), "i32");
}

/**
 * Returns the sums of `x` over the axes `over`, each element in the place on `axis` that its label in `y` (i32) names. Other
 * axes of `y` are batch axes. A value that lacks an axis of its labels is repeated over it.
 */
export function sumBy(
  ops: NamedOps,
  x: NamedTensor,
  y: NamedTensor,
  { over, axis }: { readonly over: readonly string[]; readonly axis: Axis },
): NamedTensor {
  const labels = axesOf(y);
  const batch = labels.filter(({ name }) => !over.includes(name)).map(({ name }) => name);
  const rest = axesOf(x).filter(({ name }) => !y.axes.includes(name));
  const item = "·item";
  const values = ops.merge(ops.expand(x, [...labels, ...rest]), over, item);
  const places = ops.merge(y, over, item);
  const names = rest.map(({ name }) => name);
  const node = ops.t.scatterAdd(
    ops.order(values, [...batch, item, ...names]).node,
    ops.order(places, [...batch, item]).node,
    batch.length,
    axis.size,
    batch.length,
  );
  return ops.of(node, [...batch, axis.name, ...names]);
}
