/** Elements by their place along an axis. */
import type { NamedOps, NamedTensor } from "./named-tensor.js";

/**
 * The elements of `x` at a place along `over`, or at the places that `at` (i32) holds. `over` is consumed; axes that `x`
 * and `at` share beside it run side by side, those of `at` alone come in.
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
