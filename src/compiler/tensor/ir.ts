/**
 * The tensor IR. Its nodes have static shapes and one result each (SSA). A `Graph` (graph.ts) makes equal nodes once, and
 * each node has the `.fsl` span that it came from. The ops are closed under differentiation and under batching over tasks:
 * shape.ts, derivative.ts and batch.ts hold one exhaustive table each (`Record<OpName, Rule>`).
 *
 * Broadcasting is always explicit (`broadcast`). Element-wise ops take operands of one shape.
 */
import type { Span } from "../../../grammar/ast.js";

export type DType = "f32" | "i32" | "u32" | "u8" | "bool";
export type Shape = readonly number[];

export interface Window {
  /** [height, width] */
  readonly size: readonly [number, number];
  readonly stride: readonly [number, number];
  /** Zero (conv, avg_pool) or −∞ (max_pool) padding: [top, left, bottom, right]. */
  readonly pad: readonly [number, number, number, number];
}

/**
 * The attributes of each primitive. The comments give operands → result, where x is [n, c, h, w] and filters are
 * [o, c/groups, kh, kw].
 */
export interface PrimitiveAttrs {
  // sources
  input: { readonly name: string; readonly shape: Shape; readonly dtype: DType };
  /** `data` has one element, which all elements share (a splat), or all of them, row-major. */
  const: { readonly shape: Shape; readonly dtype: DType; readonly data: readonly number[] | Float64Array };
  iota: { readonly shape: Shape; readonly dtype: "i32" | "u32"; readonly axis: number };
  // element-wise
  neg: Empty;
  exp: Empty;
  log: Empty;
  /** Its derivative at 0 is 0. */
  sqrt: Empty;
  rsqrt: Empty;
  tanh: Empty;
  /** The error function, 2/√π · ∫₀ˣ exp(−t²) dt. */
  erf: Empty;
  abs: Empty;
  floor: Empty;
  not: Empty;
  add: Empty;
  sub: Empty;
  mul: Empty;
  div: Empty;
  /** Equal operands share the derivative equally. */
  max: Empty;
  min: Empty;
  pow: Empty;
  and: Empty;
  or: Empty;
  xor: Empty;
  shl: Empty;
  shr: Empty;
  compare: { readonly cmp: "lt" | "le" | "gt" | "ge" | "eq" | "ne" };
  /** (condition, a, b): the side that is not taken affects neither the value nor the gradient. */
  select: Empty;
  cast: { readonly to: DType };
  // shape
  reshape: { readonly shape: Shape };
  transpose: { readonly perm: readonly number[] };
  /** Operand axis i becomes result axis dims[i] (rising, equal sizes); the other result axes repeat it. */
  broadcast: { readonly shape: Shape; readonly dims: readonly number[] };
  slice: { readonly start: readonly number[]; readonly limit: readonly number[]; readonly stride: readonly number[] };
  pad: { readonly low: readonly number[]; readonly high: readonly number[]; readonly value: number };
  concat: { readonly axis: number };
  reverse: { readonly axes: readonly number[] };
  /** (operand [B…, P…, d, R…], indices i32 [B…, I…]) → [B…, P…, I…, R…]; the first `batch` axes are shared, and `axis` is the position of d. */
  gather: { readonly axis: number; readonly batch: number };
  /** The transpose of gather: (updates, indices) → operand-shaped sums, `size` along `axis`. */
  scatter_add: { readonly axis: number; readonly batch: number; readonly size: number };
  stop_gradient: Empty;
  // reduce (axes are removed)
  reduce_sum: { readonly axes: readonly number[] };
  /** Equal maxima share the derivative equally. */
  reduce_max: { readonly axes: readonly number[] };
  /** Lowest index on ties; i32. */
  argmax: { readonly axis: number };
  /** Indices (i32) of the k largest along `axis`, largest first, ties by lowest index; values come by gather. */
  top_k: { readonly k: number; readonly axis: number };
  // linear
  /** Result axes: batch, then lhs's free axes, then rhs's. */
  dot_general: {
    readonly lhsBatch: readonly number[];
    readonly rhsBatch: readonly number[];
    readonly lhsContract: readonly number[];
    readonly rhsContract: readonly number[];
  };
  /** (x, filters) */
  conv2d: ConvAttrs;
  /** (dy, filters) → the shape of x: `inputSize` [h, w] */
  conv2d_input_grad: ConvAttrs & { readonly inputSize: readonly [number, number] };
  /** (x, dy) → the shape of filters */
  conv2d_filter_grad: ConvAttrs & { readonly filterSize: readonly [number, number] };
  /** (A [B…, n, n] symmetric positive definite, B [B…, n, m]) → X with A·X = B. Only the lower triangle of A may be read. */
  solve_spd: Empty;
  // window
  max_pool: Window;
  /** (x, y, dy): dy goes to the first maximum of each window, row-major. */
  max_pool_grad: Window;
  /** (x, y, t [shape of x]) → t at each window's first maximum: the transpose of max_pool_grad in its last operand. */
  max_pool_take: Window;
  /** Mean over the window, padding counted as zeros. */
  avg_pool: Window;
  /** (dy) → the shape of x */
  avg_pool_grad: Window & { readonly inputSize: readonly [number, number] };
}
export interface ConvAttrs {
  readonly stride: readonly [number, number];
  readonly pad: readonly [number, number, number, number];
  readonly groups: number;
}

/**
 * The attributes of each composite. A composite has a name, so that engines can fuse it, and a decomposition into
 * primitives. Its derivative is made of composites (`*_grad`). Second derivatives go through the decomposition where no rule is given.
 */
export interface CompositeAttrs {
  relu: Empty;
  /** (x, dy): dy where x > 0. */
  relu_grad: Empty;
  leaky_relu: { readonly slope: number };
  leaky_relu_grad: { readonly slope: number };
  /** (x [n, c, h, w], gamma [c], beta [c]): batch statistics (biased variance, clamped at 0) of each of `groups` equal runs of n. */
  batch_norm: { readonly eps: number; readonly groups: number };
  /** (x, gamma, dy) → dx */
  batch_norm_grad_x: { readonly eps: number; readonly groups: number };
  /** (x, dy) → dgamma [c] */
  batch_norm_grad_gamma: { readonly eps: number; readonly groups: number };
  /** (x [n, c, h, w]) → [groups, c] */
  batch_mean: { readonly groups: number };
  /** (x) → [groups, c], biased, clamped at 0 */
  batch_variance: { readonly groups: number };
  /** (x [n, c, h, w], scale [c], shift [c]) → x·scale + shift: batch norm with running statistics. */
  channel_affine: Empty;
  /** Along one axis. */
  softmax: { readonly axis: number };
  /** (y, dy), y the softmax: y·(dy − Σ y·dy). */
  softmax_grad: { readonly axis: number };
  log_softmax: { readonly axis: number };
  /** (y, dy), y the log-softmax: dy − exp(y)·Σ dy. */
  log_softmax_grad: { readonly axis: number };
  /**
   * Threefry-2x32-20: (key u32 [2], counter base u32 [1]) → u32 [shape]. Element i, row-major, is word i mod 2 of the
   * block with counter (base + ⌊i/2⌋ mod 2³², 0).
   */
  random_bits: { readonly shape: Shape };
}

export type Empty = Readonly<Record<string, never>>;
export type OpAttrs = PrimitiveAttrs & CompositeAttrs;
export type PrimitiveName = keyof PrimitiveAttrs;
export type CompositeName = keyof CompositeAttrs;
export type OpName = keyof OpAttrs;

/** An op applied to operands: a node of the graph. Two nodes are equal if and only if they are the same object. */
export type Node<K extends OpName = OpName> = K extends OpName
  ? {
      readonly id: number;
      readonly op: K;
      readonly inputs: readonly Node[];
      readonly attrs: OpAttrs[K];
      readonly shape: Shape;
      readonly dtype: DType;
      readonly span: Span | undefined;
    }
  : never;

/** A unit of execution with named inputs and named outputs. It lists every input node that its outputs depend on. */
export interface Program {
  readonly name: string;
  readonly inputs: readonly ProgramInput[];
  readonly outputs: readonly ProgramOutput[];
}
export interface ProgramInput {
  readonly name: string;
  readonly node: Node<"input">;
  /**
   * A `state` stays on the device and is replaced after each run by the output named in `next`. A `weight` stays on the
   * device unchanged. A `feed` is a new host tensor in each run.
   */
  readonly role: "state" | "weight" | "feed";
  readonly next?: string;
}
export interface ProgramOutput {
  readonly name: string;
  readonly node: Node;
  /**
   * A `host` output is read back after each run. A `state` stays on the device and replaces its input. A `device` output
   * stays on the device for another program.
   */
  readonly role: "host" | "state" | "device";
}
