/**
 * Tensors with named axes. Lowering aligns, broadcasts, reduces and contracts by axis name, and `NamedOps` translates the
 * names to the positions of the tensor IR.
 */
import { CompilerBug } from "../../common/bug.js";
import type { Graph } from "../tensor/graph.js";
import type { DType, Node, PrimitiveAttrs } from "../tensor/ir.js";
import { Ops } from "../tensor/ops.js";
import { elementCount } from "../tensor/shape.js";
import type { Axis } from "../typed/tree.js";

/** A node with the names of its axes. */
export interface NamedTensor {
  readonly node: Node;
  /** One name per axis of `node`, in memory order. */
  readonly axes: readonly string[];
}

/** The ops without attributes that take one operand, or two of one shape. */
type UnaryName =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "tanh"
  | "erf"
  | "abs"
  | "floor"
  | "not"
  | "relu"
  | "stop_gradient";
type BinaryName = "add" | "sub" | "mul" | "div" | "max" | "min" | "pow" | "and" | "or";
type Compare = PrimitiveAttrs["compare"]["cmp"];

/** The axis of episodes that are computed side by side. The compiler adds it under a name that no file can write. */
export const taskAxis = "·task";
/** The axis of the queries of an inductive entry. The entry itself is written for one query. */
export const queryAxis = "·query";
/** The axis of all images that a network is applied to at once. A formula in a network is written for one image. */
export const imageAxis = "·n";
/** The axes of lanes, outermost first. A lane is an episode, a query or an image that runs loops of its own beside others. */
const laneAxisNames: readonly string[] = [taskAxis, queryAxis, imageAxis];

/** The largest finite f32. */
export const maxFloat = 3.4028234663852886e38;

/** Returns the size of an axis. @throws CompilerBug if the tensor does not have it. */
export const sizeOf = (x: NamedTensor, axis: string): number => {
  const size = x.node.shape[x.axes.indexOf(axis)];
  if (size === undefined) throw new CompilerBug(`no axis ${axis} in [${x.axes.join(", ")}]`);
  return size;
};
/** Returns the axes with their sizes, in memory order. */
export const axesOf = (x: NamedTensor): Axis[] => x.axes.map((name) => ({ name, size: sizeOf(x, name) }));
/** Returns the lane axes that any of these values has, outermost first. */
export function lanesOf(values: readonly NamedTensor[]): Axis[] {
  return laneAxisNames.flatMap((name) => {
    const owner = values.find((value) => value.axes.includes(name));
    return owner !== undefined ? [{ name, size: sizeOf(owner, name) }] : [];
  });
}
export const isLaneAxis = (axis: string): boolean => laneAxisNames.includes(axis);
/** Returns the number of elements of a tensor with these axes. */
export const countOf = (axes: readonly Axis[]): number => elementCount(axes.map(({ size }) => size));
const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

/** Builds nodes in a graph from tensors with named axes. */
export class NamedOps {
  /** Builds nodes in the same graph by axis position. */
  readonly t: Ops;

  constructor(readonly graph: Graph) {
    this.t = new Ops(graph);
  }

  /** Returns the node with these axis names. @throws CompilerBug if their number is wrong or a name is twice. */
  of(node: Node, axes: readonly string[]): NamedTensor {
    if (node.shape.length !== axes.length || new Set(axes).size !== axes.length) {
      throw new CompilerBug(`[${node.shape.join(", ")}] cannot have axes [${axes.join(", ")}]`);
    }
    return { node, axes };
  }

  scalar(value: number, dtype: DType = "f32"): NamedTensor {
    return this.constant([value], [], dtype);
  }

  /** Returns a constant. If `data` has one element, all elements of the constant have this value. */
  constant(data: readonly number[] | Float64Array, axes: readonly Axis[], dtype: DType = "f32"): NamedTensor {
    const shape = axes.map((axis) => axis.size);
    return this.of(
      this.t.constant(shape, data, dtype),
      axes.map((axis) => axis.name),
    );
  }

  /** Returns a new node that is replaced by a value later. It is equal to no other node of the graph. */
  placeholder(shape: readonly number[], dtype: DType): Node {
    return this.graph.op("input", [], { name: `stand-in ${this.graph.nodes.length}`, shape, dtype });
  }

  /** Returns 0, 1, 2, … (i32) along one axis. */
  iota(axis: Axis): NamedTensor {
    return this.of(this.t.iota([axis.size], 0), [axis.name]);
  }

  cast(x: NamedTensor, to: DType): NamedTensor {
    return this.of(this.t.cast(x.node, to), x.axes);
  }

  // ------------------------------------------------------------ alignment

  /** Returns the same value with its axes in this order. */
  order(x: NamedTensor, axes: readonly string[]): NamedTensor {
    if (sameNames(x.axes, axes)) return x;
    const perm = axes.map((name) => x.axes.indexOf(name));
    if (perm.length !== x.axes.length || perm.includes(-1)) {
      throw new CompilerBug(`[${x.axes.join(", ")}] cannot be ordered as [${axes.join(", ")}]`);
    }
    return this.of(this.t.transpose(x.node, perm), axes);
  }

  /** Returns the value with exactly these axes in this order. It is repeated over the axes that it lacks. */
  expand(x: NamedTensor, axes: readonly Axis[]): NamedTensor {
    const own = axes.filter((axis) => x.axes.includes(axis.name)).map((axis) => axis.name);
    const dims = own.map((name) => axes.findIndex((axis) => axis.name === name));
    const shape = axes.map((axis) => axis.size);
    const names = axes.map((axis) => axis.name);
    const { node } = x;
    if (node.op === "const" && node.attrs.data.length === 1) return this.constant(node.attrs.data, axes, node.dtype);
    return this.of(this.t.broadcast(this.order(x, own).node, shape, dims), names);
  }

  /**
   * Returns the axes that several values have together, without `except`. The axes of the largest value come first, so that
   * most operands need no transpose.
   *
   * @throws CompilerBug if an axis has two sizes.
   */
  union(values: readonly NamedTensor[], except?: string): Axis[] {
    const bySize = [...values].sort((a, b) => b.axes.length - a.axes.length);
    const axes = new Map<string, number>();
    for (const value of bySize) {
      for (const axis of axesOf(value)) {
        if (axis.name === except) continue;
        const known = axes.get(axis.name) ?? axis.size;
        if (known !== axis.size) throw new CompilerBug(`axis ${axis.name} has sizes ${known} and ${axis.size}`);
        axes.set(axis.name, axis.size);
      }
    }
    return [...axes].map(([name, size]) => ({ name, size }));
  }

  /** Returns the values, each with the axes of all. */
  align(values: readonly NamedTensor[]): NamedTensor[] {
    const axes = this.union(values);
    return values.map((value) => this.expand(value, axes));
  }

  // ------------------------------------------------------------ element-wise

  unary(op: UnaryName, x: NamedTensor): NamedTensor {
    return this.of(this.graph.op<UnaryName>(op, [x.node], {}), x.axes);
  }

  binary(op: BinaryName, a: NamedTensor, b: NamedTensor): NamedTensor {
    const [x, y] = this.pair(a, b);
    return this.of(this.graph.op<BinaryName>(op, [x.node, y.node], {}), x.axes);
  }

  compare(cmp: Compare, a: NamedTensor, b: NamedTensor): NamedTensor {
    const [x, y] = this.pair(a, b);
    return this.of(this.graph.op("compare", [x.node, y.node], { cmp }), x.axes);
  }

  select(condition: NamedTensor, a: NamedTensor, b: NamedTensor): NamedTensor {
    const [x, y] = this.pair(a, b);
    const [c, p, q] = this.align([condition, x, y]) as [NamedTensor, NamedTensor, NamedTensor];
    return this.of(this.graph.op("select", [c.node, p.node, q.node], {}), p.axes);
  }

  neg = (x: NamedTensor): NamedTensor => this.unary("neg", x);
  add = (a: NamedTensor, b: NamedTensor): NamedTensor => this.binary("add", a, b);
  sub = (a: NamedTensor, b: NamedTensor): NamedTensor => this.binary("sub", a, b);
  mul = (a: NamedTensor, b: NamedTensor): NamedTensor => this.binary("mul", a, b);
  div = (a: NamedTensor, b: NamedTensor): NamedTensor => this.binary("div", a, b);
  /** Returns x · k for a number k. */
  scale = (x: NamedTensor, k: number): NamedTensor => (k === 1 ? x : this.mul(x, this.scalar(k)));

  /** Returns two operands of one shape and one type. If the types differ, both are cast to f32. */
  private pair(a: NamedTensor, b: NamedTensor): [NamedTensor, NamedTensor] {
    const mixed = a.node.dtype !== b.node.dtype;
    return this.align(mixed ? [this.cast(a, "f32"), this.cast(b, "f32")] : [a, b]) as [NamedTensor, NamedTensor];
  }

  // ------------------------------------------------------------ reductions

  sum(x: NamedTensor, over: readonly string[]): NamedTensor {
    return this.reduce("sum", x, over);
  }

  mean(x: NamedTensor, over: readonly string[]): NamedTensor {
    return this.scale(this.sum(x, over), 1 / elementCount(over.map((axis) => sizeOf(x, axis))));
  }

  max(x: NamedTensor, over: readonly string[]): NamedTensor {
    return this.reduce("reduceMax", x, over);
  }

  min(x: NamedTensor, over: readonly string[]): NamedTensor {
    return this.neg(this.max(this.neg(x), over));
  }

  private reduce(op: "sum" | "reduceMax", x: NamedTensor, over: readonly string[]): NamedTensor {
    const places = over.map((name) => this.axisIndex(x, name));
    const node = this.t[op](this.cast(x, "f32").node, places);
    return this.of(
      node,
      x.axes.filter((name) => !over.includes(name)),
    );
  }

  /** Returns the index of the largest element, the lowest on ties. */
  argmax(x: NamedTensor, over: string): NamedTensor {
    return this.of(
      this.t.argmax(x.node, this.axisIndex(x, over)),
      x.axes.filter((name) => name !== over),
    );
  }

  /** Returns the `k` largest elements along `over`, largest first, on the axis `as`. */
  top(x: NamedTensor, k: number, over: string, as: string): NamedTensor {
    const rest = x.axes.filter((name) => name !== over);
    const ordered = this.order(x, [...rest, over]);
    const indices = this.t.topK(ordered.node, k, rest.length);
    const node = this.t.gather(ordered.node, indices, rest.length, rest.length);
    return this.of(node, [...rest, as]);
  }

  /** Returns the softmax or its logarithm over axes. Several axes are merged for the op and split again. */
  softmaxOver(op: "softmax" | "log_softmax", x: NamedTensor, over: readonly string[]): NamedTensor {
    const [only] = over;
    if (over.length === 1 && only !== undefined) {
      const axis = this.axisIndex(x, only);
      return this.of(op === "softmax" ? this.t.softmax(x.node, axis) : this.t.logSoftmax(x.node, axis), x.axes);
    }
    const sizes = over.map((name) => ({ name, size: sizeOf(x, name) }));
    return this.split(this.softmaxOver(op, this.merge(x, over, "·merged"), ["·merged"]), "·merged", sizes);
  }

  /** Returns log Σ exp(x) over axes, shifted by the maximum so that it does not overflow. */
  logsumexp(x: NamedTensor, over: readonly string[]): NamedTensor {
    const peak = this.unary("stop_gradient", this.max(x, over));
    return this.add(peak, this.unary("log", this.sum(this.unary("exp", this.sub(x, peak)), over)));
  }

  /** Returns x / ‖x‖ over axes. If the norm is below 1e-12, the result and its gradient are 0. */
  normalize(x: NamedTensor, over: readonly string[]): NamedTensor {
    const tiny = this.scalar(1e-24);
    const square = this.sum(this.mul(x, x), over);
    const inverse = this.unary("rsqrt", this.binary("max", square, tiny));
    return this.mul(x, this.select(this.compare("gt", square, tiny), inverse, this.scalar(0)));
  }

  // ------------------------------------------------------------ shape

  reshape(x: NamedTensor, axes: readonly Axis[]): NamedTensor {
    const node = this.t.reshape(
      x.node,
      axes.map((axis) => axis.size),
    );
    return this.of(
      node,
      axes.map((axis) => axis.name),
    );
  }

  rename(x: NamedTensor, renames: readonly { readonly from: string; readonly to: string }[]): NamedTensor {
    const to = new Map(renames.map((r) => [r.from, r.to]));
    return this.of(
      x.node,
      x.axes.map((name) => to.get(name) ?? name),
    );
  }

  /** Merges several axes into one, the first of them outermost, at the position of the first. */
  merge(x: NamedTensor, axes: readonly string[], as: string): NamedTensor {
    const [first] = axes;
    if (first === undefined) throw new CompilerBug("a merge of no axes");
    const rest = axesOf(x).filter((axis) => !axes.includes(axis.name));
    const before = rest.filter((axis) => this.axisIndex(x, axis.name) < this.axisIndex(x, first));
    const after = rest.slice(before.length);
    const ordered = this.order(x, [...before.map((a) => a.name), ...axes, ...after.map((a) => a.name)]);
    const size = elementCount(axes.map((name) => sizeOf(x, name)));
    return this.reshape(ordered, [...before, { name: as, size }, ...after]);
  }

  /** Splits an axis into several, the first of them outermost. */
  split(x: NamedTensor, axis: string, as: readonly Axis[]): NamedTensor {
    return this.reshape(
      x,
      axesOf(x).flatMap((own) => (own.name === axis ? as : [own])),
    );
  }

  /** Concatenates tensors. One that lacks an axis of another is repeated over it. The one with all axes keeps its memory order. */
  concat(parts: readonly NamedTensor[], along: string): NamedTensor {
    const common = this.union(parts, along);
    const widest = parts.find((part) => part.axes.length === common.length + 1);
    const order = widest?.axes ?? [...common.map((axis) => axis.name), along];
    const nodes = parts.map((part) => {
      const full = this.expand(part, [...common, { name: along, size: sizeOf(part, along) }]);
      return this.order(full, order).node;
    });
    return this.of(this.t.concat(nodes, order.indexOf(along)), order);
  }

  slice(x: NamedTensor, axis: string, from: number, to: number): NamedTensor {
    return this.of(this.t.sliceAxis(x.node, this.axisIndex(x, axis), from, to), x.axes);
  }

  reverse(x: NamedTensor, axis: string): NamedTensor {
    return this.of(this.t.reverse(x.node, [this.axisIndex(x, axis)]), x.axes);
  }

  // ------------------------------------------------------------ linear algebra

  /** Contracts `over`. Other shared axes are batch axes, the rest are outer. A contracted axis that one side lacks is summed. */
  dot(a: NamedTensor, b: NamedTensor, over: readonly string[]): NamedTensor {
    const shared = over.filter((name) => a.axes.includes(name) && b.axes.includes(name));
    const alone = over.filter((name) => !shared.includes(name));
    const x = this.sum(
      a,
      alone.filter((name) => a.axes.includes(name)),
    );
    const y = this.sum(
      b,
      alone.filter((name) => b.axes.includes(name)),
    );
    const batch = x.axes.filter((name) => y.axes.includes(name) && !shared.includes(name));
    const free = (v: NamedTensor): string[] => v.axes.filter((name) => !batch.includes(name) && !shared.includes(name));
    const places = (v: NamedTensor, names: readonly string[]): number[] => names.map((name) => this.axisIndex(v, name));
    const node = this.t.dot(
      x.node,
      y.node,
      [places(x, shared), places(y, shared)],
      [places(x, batch), places(y, batch)],
    );
    return this.of(node, [...batch, ...free(x), ...free(y)]);
  }

  /**
   * Returns Σ (a − b)² over axes. If each side has axes that the other lacks, it is computed as ‖a‖² + ‖b‖² − 2a·b, clamped
   * at 0: a product of matrices instead of every difference.
   */
  squaredDistance(a: NamedTensor, b: NamedTensor, over: readonly string[]): NamedTensor {
    const lacks = (x: NamedTensor, y: NamedTensor): boolean => x.axes.some((name) => !y.axes.includes(name));
    if (!(lacks(a, b) && lacks(b, a))) {
      const difference = this.sub(a, b);
      return this.sum(this.mul(difference, difference), over);
    }
    const product = this.dot(a, b, over);
    const squares = this.add(this.sum(this.mul(a, a), over), this.sum(this.mul(b, b), over));
    return this.binary("max", this.sub(squares, this.scale(product, 2)), this.scalar(0));
  }

  /** Returns Z with A·Z = B, where A is symmetric positive definite on `over` and `over'`, and B and Z have `over`. */
  solve(a: NamedTensor, b: NamedTensor, over: string): NamedTensor {
    const prime = `${over}'`;
    const batch = axesOf(a).filter((axis) => axis.name !== over && axis.name !== prime);
    const columns = axesOf(b).filter((axis) => axis.name !== over && !a.axes.includes(axis.name));
    const row: Axis = { name: over, size: sizeOf(a, over) };
    const left = this.order(a, [...batch.map((axis) => axis.name), over, prime]);
    const right = this.expand(b, [...batch, row, ...columns]);
    const width = { name: "·columns", size: countOf(columns) };
    const flat = this.reshape(right, [...batch, row, width]);
    return this.reshape(this.of(this.t.solveSpd(left.node, flat.node), flat.axes), [...batch, row, ...columns]);
  }

  /** Returns the position of an axis. @throws CompilerBug if the tensor does not have it. */
  axisIndex(x: NamedTensor, axis: string): number {
    const place = x.axes.indexOf(axis);
    if (place < 0) throw new CompilerBug(`no axis ${axis} in [${x.axes.join(", ")}]`);
    return place;
  }
}
