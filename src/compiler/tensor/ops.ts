/** Thin helpers over `Graph.op`, in which lowering, derivatives and decompositions are written. */
import type { Span } from "../../../grammar/ast.js";
import { CompilerBug } from "../../common/bug.js";
import type { Graph } from "./graph.js";
import type { ConvAttrs, DType, Node, OpAttrs, OpName, Shape, Window } from "./ir.js";
import { elementCount, sameShape } from "./shape.js";

/** A node, or a number that is repeated in the shape and dtype of the other operand. */
export type Operand = Node | number;
type Unary = "neg" | "exp" | "log" | "sqrt" | "rsqrt" | "tanh" | "erf" | "abs" | "floor" | "not";
type Binary = "add" | "sub" | "mul" | "div" | "max" | "min" | "pow" | "and" | "or" | "xor" | "shl" | "shr";
type Comparison = OpAttrs["compare"]["cmp"];

const range = (count: number): number[] => Array.from({ length: count }, (_, place) => place);

/**
 * Builds nodes in one graph. Shapes must match exactly: only a number beside a node is broadcast. A helper that would do
 * nothing (a reshape to the same shape, a sum over no axes) returns its operand.
 */
export class Ops {
  constructor(readonly graph: Graph) {}

  /** Runs `make`. The nodes made in it get the span `span`. */
  at<T>(span: Span | undefined, make: () => T): T {
    return this.graph.at(span, make);
  }

  // Sources
  input(name: string, shape: Shape, dtype: DType = "f32"): Node<"input"> {
    return this.graph.input(name, shape, dtype);
  }
  /** `data` is row-major and has one element, which is repeated, or all of them. */
  constant(shape: Shape, data: readonly number[] | Float64Array, dtype: DType = "f32"): Node {
    return this.graph.op("const", [], { shape, dtype, data });
  }
  full(shape: Shape, value: number, dtype: DType = "f32"): Node {
    return this.constant(shape, [value], dtype);
  }
  scalar(value: number, dtype: DType = "f32"): Node {
    return this.full([], value, dtype);
  }
  zerosLike(x: Node): Node {
    return this.full(x.shape, 0, x.dtype);
  }
  iota(shape: Shape, axis: number, dtype: "i32" | "u32" = "i32"): Node {
    return this.graph.op("iota", [], { shape, dtype, axis });
  }

  // Element-wise
  neg = this.unary("neg");
  exp = this.unary("exp");
  log = this.unary("log");
  sqrt = this.unary("sqrt");
  rsqrt = this.unary("rsqrt");
  tanh = this.unary("tanh");
  erf = this.unary("erf");
  abs = this.unary("abs");
  floor = this.unary("floor");
  not = this.unary("not");
  add = this.binary("add");
  sub = this.binary("sub");
  mul = this.binary("mul");
  div = this.binary("div");
  max = this.binary("max");
  min = this.binary("min");
  pow = this.binary("pow");
  and = this.binary("and");
  or = this.binary("or");
  xor = this.binary("xor");
  shl = this.binary("shl");
  shr = this.binary("shr");
  lt = this.comparison("lt");
  le = this.comparison("le");
  gt = this.comparison("gt");
  ge = this.comparison("ge");
  eq = this.comparison("eq");
  ne = this.comparison("ne");
  square(x: Node): Node {
    return this.mul(x, x);
  }
  /** Returns a where `condition` holds, else b. The side that is not taken affects neither the value nor the gradient. */
  select(condition: Node, a: Operand, b: Operand): Node {
    return this.graph.op("select", [condition, ...this.paired("select", a, b)], {});
  }
  cast(x: Node, to: DType): Node {
    return x.dtype === to ? x : this.graph.op("cast", [x], { to });
  }

  // Shape
  reshape(x: Node, shape: Shape): Node {
    return sameShape(x.shape, shape) ? x : this.graph.op("reshape", [x], { shape });
  }
  /** Result axis i is operand axis perm[i]. */
  transpose(x: Node, perm: readonly number[]): Node {
    return perm.every((axis, place) => axis === place) ? x : this.graph.op("transpose", [x], { perm });
  }
  /** Operand axis i becomes result axis dims[i] (rising); the other result axes repeat it. */
  broadcast(x: Node, shape: Shape, dims: readonly number[]): Node {
    return sameShape(x.shape, shape) ? x : this.graph.op("broadcast", [x], { shape, dims });
  }
  /** Returns x repeated along the axes `over` of `shape`, which a reduction would remove. */
  spread(x: Node, shape: Shape, over: readonly number[]): Node {
    return this.broadcast(
      x,
      shape,
      range(shape.length).filter((axis) => !over.includes(axis)),
    );
  }
  /** Returns a scalar repeated to `shape`. */
  splat(x: Node, shape: Shape): Node {
    return this.broadcast(x, shape, []);
  }
  slice(
    x: Node,
    start: readonly number[],
    limit: readonly number[],
    stride: readonly number[] = x.shape.map(() => 1),
  ): Node {
    const whole = start.every((from) => from === 0) && sameShape(limit, x.shape) && stride.every((step) => step === 1);
    return whole ? x : this.graph.op("slice", [x], { start, limit, stride });
  }
  /** Returns start:limit:stride of one axis. */
  sliceAxis(x: Node, axis: number, start: number, limit: number, stride = 1): Node {
    const zeros = x.shape.map(() => 0);
    const ones = x.shape.map(() => 1);
    return this.slice(x, zeros.with(axis, start), x.shape.with(axis, limit), ones.with(axis, stride));
  }
  pad(x: Node, low: readonly number[], high: readonly number[], value = 0): Node {
    return [...low, ...high].every((size) => size === 0) ? x : this.graph.op("pad", [x], { low, high, value });
  }
  concat(parts: readonly Node[], axis: number): Node {
    const [first, ...rest] = parts;
    if (first === undefined) throw new CompilerBug("concat of nothing");
    return rest.length === 0 ? first : this.graph.op("concat", parts, { axis });
  }
  reverse(x: Node, axes: readonly number[]): Node {
    return axes.length === 0 ? x : this.graph.op("reverse", [x], { axes });
  }
  /** (x [B…, P…, d, R…], indices i32 [B…, I…]) → [B…, P…, I…, R…]; `axis` is d's place, `batch` the number of shared axes. */
  gather(x: Node, indices: Node, axis: number, batch = 0): Node {
    return this.graph.op("gather", [x, indices], { axis, batch });
  }
  /** Sums `updates` into `size` places along `axis`: the transpose of `gather`. */
  scatterAdd(updates: Node, indices: Node, axis: number, size: number, batch = 0): Node {
    return this.graph.op("scatter_add", [updates, indices], { axis, batch, size });
  }
  stopGradient(x: Node): Node {
    return this.graph.op("stop_gradient", [x], {});
  }

  // Reductions remove their axes. Without axes they reduce over all of them.
  sum(x: Node, axes: readonly number[] = range(x.shape.length)): Node {
    return axes.length === 0 ? x : this.graph.op("reduce_sum", [x], { axes: sorted(axes) });
  }
  mean(x: Node, axes: readonly number[] = range(x.shape.length)): Node {
    const count = elementCount(axes.map((axis) => Number(x.shape[axis])));
    return count === 1 ? this.sum(x, axes) : this.mul(this.sum(x, axes), 1 / count);
  }
  reduceMax(x: Node, axes: readonly number[] = range(x.shape.length)): Node {
    return axes.length === 0 ? x : this.graph.op("reduce_max", [x], { axes: sorted(axes) });
  }
  /** Returns the index of the maximum as i32: the lowest one on ties. */
  argmax(x: Node, axis: number): Node {
    return this.graph.op("argmax", [x], { axis });
  }
  /** Returns the indices (i32) of the k largest along `axis`, largest first, and the lowest index first on ties. */
  topK(x: Node, k: number, axis: number): Node {
    return this.graph.op("top_k", [x], { k, axis });
  }

  // Linear
  /** Result axes: batch, then a's free axes, then b's. */
  dot(
    a: Node,
    b: Node,
    contract: readonly [readonly number[], readonly number[]],
    batch: readonly [readonly number[], readonly number[]] = [[], []],
  ): Node {
    const [lhsContract, rhsContract] = contract;
    const [lhsBatch, rhsBatch] = batch;
    return this.graph.op("dot_general", [a, b], { lhsBatch, rhsBatch, lhsContract, rhsContract });
  }
  conv2d(x: Node, filters: Node, attrs: ConvAttrs): Node {
    return this.graph.op("conv2d", [x, filters], attrs);
  }
  conv2dInputGrad(dy: Node, filters: Node, attrs: OpAttrs["conv2d_input_grad"]): Node {
    return this.graph.op("conv2d_input_grad", [dy, filters], attrs);
  }
  conv2dFilterGrad(x: Node, dy: Node, attrs: OpAttrs["conv2d_filter_grad"]): Node {
    return this.graph.op("conv2d_filter_grad", [x, dy], attrs);
  }
  /** Returns X with A·X = B for symmetric positive definite A [B…, n, n], B [B…, n, m]. */
  solveSpd(a: Node, b: Node): Node {
    return this.graph.op("solve_spd", [a, b], {});
  }

  // Windows
  maxPool(x: Node, window: Window): Node {
    return this.graph.op("max_pool", [x], window);
  }
  maxPoolGrad(x: Node, y: Node, dy: Node, window: Window): Node {
    return this.graph.op("max_pool_grad", [x, y, dy], window);
  }
  maxPoolTake(x: Node, y: Node, t: Node, window: Window): Node {
    return this.graph.op("max_pool_take", [x, y, t], window);
  }
  avgPool(x: Node, window: Window): Node {
    return this.graph.op("avg_pool", [x], window);
  }
  avgPoolGrad(dy: Node, attrs: OpAttrs["avg_pool_grad"]): Node {
    return this.graph.op("avg_pool_grad", [dy], attrs);
  }

  // Composites
  relu(x: Node): Node {
    return this.graph.op("relu", [x], {});
  }
  leakyRelu(x: Node, slope: number): Node {
    return this.graph.op("leaky_relu", [x], { slope });
  }
  batchNorm(x: Node, gamma: Node, beta: Node, attrs: OpAttrs["batch_norm"]): Node {
    return this.graph.op("batch_norm", [x, gamma, beta], attrs);
  }
  batchMean(x: Node, groups: number): Node {
    return this.graph.op("batch_mean", [x], { groups });
  }
  batchVariance(x: Node, groups: number): Node {
    return this.graph.op("batch_variance", [x], { groups });
  }
  channelAffine(x: Node, scale: Node, shift: Node): Node {
    return this.graph.op("channel_affine", [x, scale, shift], {});
  }
  softmax(x: Node, axis: number): Node {
    return this.graph.op("softmax", [x], { axis });
  }
  logSoftmax(x: Node, axis: number): Node {
    return this.graph.op("log_softmax", [x], { axis });
  }
  /** Returns Threefry-2x32-20 bits of (key u32 [2], counter u32 [1]) as u32 [shape]. */
  randomBits(key: Node, counter: Node, shape: Shape): Node {
    return this.graph.op("random_bits", [key, counter], { shape });
  }

  private unary(op: Unary): (x: Node) => Node {
    return (x) => this.graph.op(op, [x], {});
  }
  private binary(op: Binary): (a: Operand, b: Operand) => Node {
    return (a, b) => this.graph.op(op, this.paired(op, a, b), {});
  }
  private comparison(cmp: Comparison): (a: Operand, b: Operand) => Node {
    return (a, b) => this.graph.op("compare", this.paired("compare", a, b), { cmp });
  }
  private paired(op: OpName, a: Operand, b: Operand): [Node, Node] {
    if (typeof a !== "number") return [a, typeof b === "number" ? this.full(a.shape, b, a.dtype) : b];
    if (typeof b === "number") throw new CompilerBug(`${op} of two numbers`);
    return [this.full(b.shape, a, b.dtype), b];
  }
}

function sorted(axes: readonly number[]): number[] {
  return [...axes].sort((a, b) => a - b);
}
