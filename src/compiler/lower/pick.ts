/** Lowering of `pick`: elements by their index along an axis. */
import type { NamedOps, NamedTensor } from "./named-tensor.js";

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
