/** Builds one ONNX graph out of IR nodes: names, constants (each written once), and broadcasts that stay implicit. */
import { CompilerBug } from "../../../common/bug.js";
import type { DType, Node, Shape } from "../../../compiler/tensor/ir.js";
import { SharedResults } from "../lowering.js";
import { cpuKernels, type Factor, type Kernels } from "./kernels.js";
import { type Attribute, type Initializer, nchwc, type OnnxNode, type OnnxType } from "./proto.js";

/**
 * An emitted result. Its ONNX shape has the rank of the IR node's, but may be 1 along an axis that only repeats:
 * ONNX's element-wise ops broadcast such operands for free, everything else asks for the `full` tensor.
 */
export interface Value {
  readonly name: string;
  readonly shape: Shape;
}

export const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

export interface EmitOptions {
  /** Nodes whose channels' means are near 0. */
  readonly centred: ReadonlySet<Node>;
  /** max_pool nodes whose gradient is wanted too, by halves. */
  readonly halved: ReadonlySet<Node>;
  /** Channels in a block of ONNX Runtime's blocked convolutions on this processor; 0 for plain ones. */
  readonly block: number;
  readonly kernels: Kernels;
}

const plain: EmitOptions = { centred: new Set(), halved: new Set(), block: 0, kernels: cpuKernels };

export class Emitter extends SharedResults {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: Initializer[] = [];
  private readonly values = new Map<Node, Value>();
  private readonly materialised = new Map<Node, string>();
  private readonly constants = new Map<string, string>();
  private counter = 0;

  constructor(readonly options: EmitOptions = plain) {
    super();
  }

  define(node: Node, value: Value): void {
    this.values.set(node, value);
  }

  /** The node's result, broadcast axes possibly of size 1. */
  value(node: Node): Value {
    const value = this.values.get(node);
    if (value === undefined)
      throw new CompilerBug(`onnx lowering: node ${node.id} (${node.op}) is used before it is emitted`);
    return value;
  }

  /** The name of the node's result in its whole shape. */
  full(node: Node): string {
    const value = this.value(node);
    if (sameShape(value.shape, node.shape)) return value.name;
    let name = this.materialised.get(node);
    if (name === undefined) {
      name = this.op("Expand", [value.name, this.ints(node.shape)]);
      this.materialised.set(node, name);
    }
    return name;
  }

  fulls(nodes: readonly Node[]): string[] {
    return nodes.map((node) => this.full(node));
  }

  op(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.emit("", op, inputs, attributes, 1)[0] as string;
  }

  /** An op of com.microsoft. */
  msOp(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.emit("com.microsoft", op, inputs, attributes, 1)[0] as string;
  }

  /** An op on channels in blocks. */
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
    this.nodes.push({ op, domain, inputs, outputs, attributes });
    return outputs;
  }

  /** Copies under the given name: a graph output needs a name of its own. */
  alias(from: string, to: string, dtype: DType): void {
    const op = this.options.kernels.copy(dtype);
    const attributes = op === "Cast" ? { to: castCode[dtype] } : {};
    this.nodes.push({ op, domain: "", inputs: [from], outputs: [to], attributes });
  }

  /** a · b over stacked matrices. */
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
    return this.op("Cast", [name], { to: castCode[to] });
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
    keep = false,
  ): string {
    return this.op(op, [name, this.ints(axes)], { keepdims: keep ? 1 : 0 });
  }

  /** 1.0 where the boolean holds, else 0.0. */
  maskOf(condition: string): string {
    return this.cast(condition, "f32");
  }
}

const castCode: Record<OnnxType, number> = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9, u32: 12 };

function rawBytes(type: OnnxType, data: ArrayLike<number>): Uint8Array {
  const array = typed(type, data);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function typed(type: OnnxType, data: ArrayLike<number>) {
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
