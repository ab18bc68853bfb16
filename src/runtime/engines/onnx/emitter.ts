/** Builds one ONNX graph from IR nodes. It gives names, writes each constant once, and keeps broadcasts implicit. */
import { CompilerBug } from "../../../common/bug.js";
import type { DType, Node, Shape } from "../../../compiler/tensor/ir.js";
import { sameShape } from "../../../compiler/tensor/shape.js";
import { SharedResults } from "../lowering.js";
import { type Attribute, elementTypes, type Initializer, nchwc, type OnnxNode, type OnnxType } from "./proto.js";

/**
 * An emitted result. Its shape has the rank of the IR node's shape, but may be 1 along an axis whose elements only repeat.
 * ONNX's element-wise ops broadcast such operands for free; all other ops ask for the `full` tensor.
 */
export interface Value {
  readonly name: string;
  readonly shape: Shape;
}

/** The properties of an execution provider's kernels that the lowering relies on. */
export interface Kernels {
  /** The types in which arithmetic on u32 operands that wraps, and all other arithmetic and comparisons on them, are computed. */
  readonly u32: { readonly wrapping: OnnxType; readonly other: OnnxType };
  /** For each type, the type in which `Where` selects its values. */
  readonly where: Readonly<Record<DType, OnnxType>>;
  /** The type in which row numbers are computed. */
  readonly rows: "i32" | "i64";
  /** True if `Max` of `Sign` is faster than `Where`. It is on CPUs, where `Where` runs on one thread. */
  readonly fastSign: boolean;
  /** Emits a · b for stacks of matrices, each of which may be given transposed. */
  product(e: Emitter, a: Factor, b: Factor): string;
  /** Emits the sum of two or more tensors of one shape. */
  sum(e: Emitter, parts: readonly string[]): string;
  /** Returns the op that copies a value of this type to a graph output. */
  copy(dtype: DType): "Identity" | "Cast";
}

/** A stack of matrices [batch…, rows, columns], or its transpose. */
export interface Factor {
  readonly name: string;
  readonly rank: number;
  readonly transposed: boolean;
}

export interface EmitOptions {
  /** Nodes whose channels have means near 0. */
  readonly centered: ReadonlySet<Node>;
  /** max_pool nodes that are computed as a pool of rows and then of columns, because their gradient needs the row pool too. */
  readonly separablePools: ReadonlySet<Node>;
  /** Channels per block of ONNX Runtime's blocked convolutions on this CPU; 0 for plain convolutions. */
  readonly block: number;
  readonly kernels: Kernels;
}

export class Emitter extends SharedResults {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: Initializer[] = [];
  private readonly values = new Map<Node, Value>();
  private readonly expanded = new Map<Node, string>();
  private readonly constants = new Map<string, string>();
  private counter = 0;
  /** The node whose rule emits now. */
  private current: Node | undefined;

  constructor(readonly options: EmitOptions) {
    super();
  }

  define(node: Node, value: Value): void {
    this.values.set(node, value);
  }

  /** Emits a node. What `emit` emits belongs to it, in profiles. */
  within(node: Node, emit: () => Value): void {
    this.current = node;
    this.define(node, emit());
    this.current = undefined;
  }

  /** Returns the node's result, in which axes that only repeat may have size 1. */
  value(node: Node): Value {
    const value = this.values.get(node);
    if (value === undefined)
      throw new CompilerBug(`onnx lowering: node ${node.id} (${node.op}) is used before it is emitted`);
    return value;
  }

  /** Returns the name of the node's result in its full shape. */
  full(node: Node): string {
    const value = this.value(node);
    if (sameShape(value.shape, node.shape)) return value.name;
    let name = this.expanded.get(node);
    if (name === undefined) {
      name = this.op("Expand", [value.name, this.ints(node.shape)]);
      this.expanded.set(node, name);
    }
    return name;
  }

  fulls(nodes: readonly Node[]): string[] {
    return nodes.map((node) => this.full(node));
  }

  op(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.emit("", op, inputs, attributes, 1)[0] as string;
  }

  /** Emits an op of the domain com.microsoft. */
  msOp(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.emit("com.microsoft", op, inputs, attributes, 1)[0] as string;
  }

  /** Emits an op on blocked channels. */
  blockOp(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.emit(nchwc, op, inputs, attributes, 1)[0] as string;
  }

  ops(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>>, count: number): string[] {
    return this.emit("", op, inputs, attributes, count);
  }

  private emit(
    domain: string,
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    count: number,
  ): string[] {
    const outputs = Array.from({ length: count }, () => `v${this.counter++}`);
    this.nodes.push({ op, domain, inputs, outputs, attributes, of: this.current });
    return outputs;
  }

  /** Copies a value to the given name, because a graph output needs its own name. */
  alias(from: string, to: string, dtype: DType): void {
    const op = this.options.kernels.copy(dtype);
    const attributes = op === "Cast" ? { to: elementTypes[dtype] } : {};
    this.nodes.push({ op, domain: "", inputs: [from], outputs: [to], attributes });
  }

  /** Returns a · b for stacks of matrices. */
  product(a: Factor, b: Factor): string {
    return this.options.kernels.product(this, a, b);
  }

  sum(parts: readonly string[]): string {
    return parts.length === 1 ? (parts[0] ?? "") : this.options.kernels.sum(this, parts);
  }

  ints(values: readonly number[]): string {
    return this.constant("i64", [values.length], values);
  }

  scalar(value: number, type: OnnxType = "f32"): string {
    return this.constant(type, [], [value]);
  }

  constant(type: OnnxType, shape: Shape, data: ArrayLike<number>): string {
    const raw = rawBytes(type, data);
    const key = raw.length <= 4096 ? `${type}[${shape.join()}]${Buffer.from(raw).toString("base64")}` : undefined;
    const known = key === undefined ? undefined : this.constants.get(key);
    if (known !== undefined) return known;
    const name = `c${this.counter++}`;
    this.initializers.push({ name, type, shape, raw });
    if (key !== undefined) this.constants.set(key, name);
    return name;
  }

  reshape(name: string, shape: Shape): string {
    return this.op("Reshape", [name, this.ints(shape)]);
  }

  transpose(name: string, perm: readonly number[]): string {
    return perm.every((axis, i) => axis === i) ? name : this.op("Transpose", [name], { perm });
  }

  cast(name: string, to: OnnxType): string {
    return this.op("Cast", [name], { to: elementTypes[to] });
  }

  slice(
    name: string,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps?: readonly number[],
  ): string {
    const inputs = [name, this.ints(starts), this.ints(ends), this.ints(axes)];
    return this.op("Slice", steps === undefined ? inputs : [...inputs, this.ints(steps)]);
  }

  reduce(
    op: "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceSumSquare",
    name: string,
    axes: readonly number[],
    { keepdims }: { readonly keepdims: boolean } = { keepdims: false },
  ): string {
    return this.op(op, [name, this.ints(axes)], { keepdims: keepdims ? 1 : 0 });
  }

  /** Returns 1.0 where the condition is true, else 0.0. */
  maskOf(condition: string): string {
    return this.cast(condition, "f32");
  }
}

function rawBytes(type: OnnxType, data: ArrayLike<number>): Uint8Array {
  const array = toTypedArray(type, data);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function toTypedArray(type: OnnxType, data: ArrayLike<number>) {
  switch (type) {
    case "f32":
      return Float32Array.from(data);
    case "i32":
      return Int32Array.from(data);
    case "u32":
      return Uint32Array.from(data);
    case "i64":
      return BigInt64Array.from(Array.from(data, (value) => BigInt(value)));
    case "u8":
    case "bool":
      return Uint8Array.from(data);
  }
}
