/** Builds the list of TensorFlow ops for a program: slots for tensors, constants uploaded once, layouts kept where they are. */
import { CompilerBug } from "../../../common/bug.js";
import type { DType, Node, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount, sameShape } from "../../../compiler/tensor/shape.js";
import { SharedResults } from "../lowering.js";
import { type Attribute, intAttribute, typeAttribute } from "./binding.js";
import type { RelatedNodes } from "./related.js";

/** A place that holds one tensor while a program runs. */
export type Slot = number;

export interface Instruction {
  readonly op: string;
  readonly attributes: readonly Attribute[];
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Inputs of the `Fill` that stands for the result where the kernel finds its matrices to have no decomposition. */
  readonly singular?: readonly Slot[];
}

export interface Constant {
  readonly slot: Slot;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/**
 * The order of the axes of a held tensor, of those of the IR: images [n, c, h, w] as TensorFlow's kernels take them, filters
 * [o, c, h, w] as they do, and pools [group, n, c, h·w], as which norms see images, without moving these.
 */
export type Layout = "plain" | "nhwc" | "hwio" | "pools";
const axisOrders = { nhwc: [0, 2, 3, 1], hwio: [2, 3, 1, 0], pools: [0, 1, 3, 2] } as const;

/** `axes` of the IR, or a list with an entry for each, as they stand in a layout. */
export function inLayout<T>(layout: Layout, list: readonly T[]): T[] {
  return layout === "plain" ? [...list] : axisOrders[layout].map((axis) => list[axis] as T);
}
export function axesInLayout(layout: Layout, axes: readonly number[]): number[] {
  if (layout === "plain") return [...axes];
  const order: readonly number[] = axisOrders[layout];
  return axes.map((axis) => order.indexOf(axis));
}

/**
 * An emitted result. `shape` is in the IR's order of axes and has the rank of the node's, but may be 1 along an axis that
 * only repeats: element-wise ops broadcast such operands, everything else asks for the `full` tensor.
 */
export interface Value {
  readonly slot: Slot;
  readonly shape: Shape;
  readonly layout: Layout;
}

/** What the kernels of this machine can do. */
export interface Kernels {
  /** Convolutions in groups, and their gradients. */
  readonly grouped: boolean;
  readonly groupedGradients: boolean;
  /** oneDNN's max pools, which keep the winners for the gradient. */
  readonly poolsWithWorkspace: boolean;
}

export class Emitter extends SharedResults {
  readonly instructions: Instruction[] = [];
  readonly constants: Constant[] = [];
  slots = 0;
  /** The node whose rule runs, after those whose rules asked for it. */
  readonly inProgress: Node[] = [];
  private readonly values = new Map<Node, Value[]>();
  private readonly fulls = new Map<Node, Map<Layout, Slot>>();
  private readonly knownConstants = new Map<string, Slot>();

  /** `emit` makes the value of a node that another's rule asks for before its turn. */
  constructor(
    readonly kernels: Kernels,
    readonly related: RelatedNodes,
    private readonly emit: (e: Emitter, node: Node) => void,
  ) {
    super();
  }

  slot(): Slot {
    return this.slots++;
  }

  define(node: Node, value: Value): void {
    this.values.set(node, [value]);
  }

  has(node: Node): boolean {
    return this.values.has(node);
  }

  /** The forms in which the node's result is there, the one that it was made in first. */
  private forms(node: Node): Value[] {
    if (!this.values.has(node)) {
      this.inProgress.push(node);
      this.emit(this, node);
      this.inProgress.pop();
    }
    const forms = this.values.get(node);
    if (forms === undefined) throw new CompilerBug(`tensorflow lowering: ${node.op} ${node.id} gave nothing`);
    return forms;
  }

  /** The node's result, repeated axes possibly of size 1; as it is, or in the layout asked for. */
  value(node: Node, layout?: Layout): Value {
    const forms = this.forms(node);
    const made = forms[0] as Value;
    if (layout === undefined || made.layout === layout) return made;
    const known = forms.find((form) => form.layout === layout);
    if (known !== undefined) return known;
    const value = { slot: this.toLayout(made, layout), shape: made.shape, layout };
    forms.push(value);
    return value;
  }

  /** Whether the node's result is there in a layout without moving data. */
  isFreeInLayout(node: Node, layout: Layout): boolean {
    const forms = this.forms(node);
    return forms.some((form) => form.layout === layout) || movesNothing(forms[0] as Value, layout);
  }

  /** The node's result in its whole shape. */
  full(node: Node, layout: Layout = "plain"): Slot {
    const value = this.value(node, layout);
    if (sameShape(value.shape, node.shape)) return value.slot;
    let known = this.fulls.get(node);
    if (known === undefined) {
      known = new Map();
      this.fulls.set(node, known);
    }
    let slot = known.get(layout);
    if (slot === undefined) {
      slot = this.op("BroadcastTo", [value.slot, this.ints(inLayout(layout, node.shape))]);
      known.set(layout, slot);
    }
    return slot;
  }

  op(op: string, inputs: readonly Slot[], attributes: readonly Attribute[] = []): Slot {
    return this.ops(op, inputs, attributes, 1)[0] as Slot;
  }

  ops(op: string, inputs: readonly Slot[], attributes: readonly Attribute[], count: number): Slot[] {
    const outputs = Array.from({ length: count }, () => this.slot());
    this.instructions.push({ op, attributes, inputs, outputs });
    return outputs;
  }

  /** An op on matrices that may have no decomposition, those with a NaN among them: the result is NaN, of `shape`, then. */
  decomposition(op: string, inputs: readonly Slot[], shape: Shape): Slot {
    const singular = [this.ints(shape), this.scalar(Number.NaN)];
    const output = this.slot();
    this.instructions.push({ op, attributes: [], inputs, outputs: [output], singular });
    return output;
  }

  /** A vector of 32-bit integers, as kernels take shapes and axes. */
  ints(values: readonly number[]): Slot {
    return this.constant("i32", [values.length], values);
  }

  scalar(value: number, dtype: DType = "f32"): Slot {
    return this.constant(dtype, [], [value]);
  }

  constant(dtype: DType, shape: Shape, data: ArrayLike<number>): Slot {
    const key = data.length <= 1024 ? `${dtype}[${shape.join()}]${Array.from(data, constantKey).join()}` : undefined;
    const known = key === undefined ? undefined : this.knownConstants.get(key);
    if (known !== undefined) return known;
    const slot = this.slot();
    this.constants.push({ slot, dtype, shape, data });
    if (key !== undefined) this.knownConstants.set(key, slot);
    return slot;
  }

  reshape(slot: Slot, shape: Shape): Slot {
    return this.op("Reshape", [slot, this.ints(shape)]);
  }

  transpose(slot: Slot, perm: readonly number[]): Slot {
    return perm.every((axis, i) => axis === i) ? slot : this.op("Transpose", [slot, this.ints(perm)]);
  }

  cast(slot: Slot, to: DType): Slot {
    return this.op("Cast", [slot], [typeAttribute("DstT", to)]);
  }

  /** The same bits as another type of the same size. */
  bitcast(slot: Slot, to: DType): Slot {
    return this.op("Bitcast", [slot], [typeAttribute("type", to)]);
  }

  /** Ops that take a list of tensors need the list's length and type spelled out. */
  concat(slots: readonly Slot[], axis: number, dtype: DType): Slot {
    if (slots.length === 1) return slots[0] as Slot;
    const attributes = [intAttribute("N", slots.length), typeAttribute("T", dtype), typeAttribute("Tidx", "i32")];
    return this.op("ConcatV2", [...slots, this.scalar(axis, "i32")], attributes);
  }

  /** Equal parts along an axis. */
  split(slot: Slot, axis: number, parts: number): Slot[] {
    if (parts === 1) return [slot];
    return this.ops("Split", [this.scalar(axis, "i32"), slot], [intAttribute("num_split", parts)], parts);
  }

  private toLayout(value: Value, layout: Layout): Slot {
    if (movesNothing(value, layout)) return this.reshape(value.slot, inLayout(layout, value.shape));
    return this.transpose(value.slot, permutation(value.layout, layout));
  }
}

/** −0 is another number than 0, NaN is equal to itself. */
const constantKey = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

/** Axis i of a tensor in `to` is axis permutation[i] of the same tensor in `from`. */
function permutation(from: Layout, to: Layout): number[] {
  return axesInLayout(from, inLayout(to, [0, 1, 2, 3]));
}

/** Whether taking it to another layout moves nothing but axes of size 1. */
function movesNothing(value: Value, layout: Layout): boolean {
  const held = inLayout(value.layout, value.shape);
  const moved = permutation(value.layout, layout).filter((axis) => held[axis] !== 1);
  return elementCount(value.shape) <= 1 || moved.every((axis, i) => i === 0 || axis > (moved[i - 1] as number));
}
