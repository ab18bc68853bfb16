/** Builds the list of TensorFlow ops for a program. It numbers slots for tensors, uploads constants once and avoids changes of layout. */
import { CompilerBug } from "../../../common/bug.js";
import type { DType, Node, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount, sameShape } from "../../../compiler/tensor/shape.js";
import { SharedResults } from "../lowering.js";
import { type Attribute, intAttribute, typeAttribute } from "./binding.js";
import type { RelatedNodes } from "./related.js";

/** The number of a place that holds one tensor while a program runs. */
export type Slot = number;

export interface Instruction {
  readonly op: string;
  readonly attributes: readonly Attribute[];
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Inputs of the `Fill` op that makes the result if the kernel reports that a matrix has no decomposition. */
  readonly singular?: readonly Slot[];
  /** The node that the op computes, alone or with others. */
  readonly node: Node | undefined;
}

export interface Constant {
  readonly slot: Slot;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/**
 * The order of axes in which a tensor is held. `plain` is the order of the IR. `nhwc` is the order of images [n, c, h, w] in
 * TensorFlow's kernels, and `hwio` that of filters [o, c, h, w]. `pools` is for [group, n, c, h·w], a view of images in norms: a
 * reshape between `nhwc` and `pools` moves no data.
 */
export type Layout = "plain" | "nhwc" | "hwio" | "pools";
const axisOrders = { nhwc: [0, 2, 3, 1], hwio: [2, 3, 1, 0], pools: [0, 1, 3, 2] } as const;

/** Reorders a list with one entry for each axis of the IR into the order of a layout. */
export function inLayout<T>(layout: Layout, list: readonly T[]): T[] {
  return layout === "plain" ? [...list] : axisOrders[layout].map((axis) => list[axis] as T);
}
/** Returns the positions of axes of the IR in a layout. */
export function axesInLayout(layout: Layout, axes: readonly number[]): number[] {
  if (layout === "plain") return [...axes];
  const order: readonly number[] = axisOrders[layout];
  return axes.map((axis) => order.indexOf(axis));
}

/**
 * An emitted result. `shape` has the order of axes of the IR and the rank of the node's shape, but may be 1 along an axis whose
 * elements only repeat. Element-wise ops broadcast such operands; all other ops ask for the `full` tensor.
 */
export interface Value {
  readonly slot: Slot;
  readonly shape: Shape;
  readonly layout: Layout;
}

/** The kernels that TensorFlow has on this machine. */
export interface Kernels {
  /** True if there are kernels for convolutions in groups. */
  readonly grouped: boolean;
  /** True if there are kernels for the gradients of convolutions in groups. */
  readonly groupedGradients: boolean;
  /** True if the max pools of oneDNN are there, whose workspace remembers the maxima for the gradient. */
  readonly poolsWithWorkspace: boolean;
}

export class Emitter extends SharedResults {
  readonly instructions: Instruction[] = [];
  readonly constants: Constant[] = [];
  slots = 0;
  /** The nodes whose rules are running: each asked for the next one. */
  readonly inProgress: Node[] = [];
  private readonly values = new Map<Node, Value[]>();
  private readonly fulls = new Map<Node, Map<Layout, Slot>>();
  private readonly knownConstants = new Map<string, Slot>();

  /** `emit` emits a node when the rule of another node asks for it first. */
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

  /** Returns the layouts in which the node's result exists; the first is the one that its rule made. */
  private forms(node: Node): Value[] {
    if (!this.values.has(node)) {
      this.inProgress.push(node);
      this.emit(this, node);
      this.inProgress.pop();
    }
    const forms = this.values.get(node);
    if (forms === undefined) throw new CompilerBug(`tensorflow lowering: ${node.op} ${node.id} defined no value`);
    return forms;
  }

  /** Returns the node's result, in the given layout or in the one that it has. Axes that only repeat may have size 1. */
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

  /** Tells whether the node's result is available in a layout without moving data. */
  isFreeInLayout(node: Node, layout: Layout): boolean {
    const forms = this.forms(node);
    return forms.some((form) => form.layout === layout) || movesNothing(forms[0] as Value, layout);
  }

  /** Returns the node's result in its full shape. */
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
    this.instructions.push({ op, attributes, inputs, outputs, node: this.inProgress.at(-1) });
    return outputs;
  }

  /** Emits an op on matrices that may have no decomposition, such as those with a NaN. In that case the result is NaN, of `shape`. */
  decomposition(op: string, inputs: readonly Slot[], shape: Shape): Slot {
    const singular = [this.ints(shape), this.scalar(Number.NaN)];
    const output = this.slot();
    const node = this.inProgress.at(-1);
    this.instructions.push({ op, attributes: [], inputs, outputs: [output], singular, node });
    return output;
  }

  /** Returns a constant vector of 32-bit integers, as kernels take shapes and axes. */
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

  /** Reinterprets the bits as another type of the same size. */
  bitcast(slot: Slot, to: DType): Slot {
    return this.op("Bitcast", [slot], [typeAttribute("type", to)]);
  }

  /** Concatenates along an axis. Ops that take a list of tensors need its length and type as attributes. */
  concat(slots: readonly Slot[], axis: number, dtype: DType): Slot {
    if (slots.length === 1) return slots[0] as Slot;
    const attributes = [intAttribute("N", slots.length), typeAttribute("T", dtype), typeAttribute("Tidx", "i32")];
    return this.op("ConcatV2", [...slots, this.scalar(axis, "i32")], attributes);
  }

  /** Adds f32 tensors of one shape. */
  sum(slots: readonly Slot[]): Slot {
    if (slots.length === 1) return slots[0] as Slot;
    return this.op("AddN", slots, [intAttribute("N", slots.length), typeAttribute("T", "f32")]);
  }

  /** Splits into equal parts along an axis. */
  split(slot: Slot, axis: number, parts: number): Slot[] {
    if (parts === 1) return [slot];
    return this.ops("Split", [this.scalar(axis, "i32"), slot], [intAttribute("num_split", parts)], parts);
  }

  private toLayout(value: Value, layout: Layout): Slot {
    if (movesNothing(value, layout)) return this.reshape(value.slot, inLayout(layout, value.shape));
    return this.transpose(value.slot, permutation(value.layout, layout));
  }
}

/** Returns a key in which −0 differs from 0 and NaN equals itself. */
const constantKey = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

/** Returns the permutation from one layout to another: axis i in `to` is axis permutation[i] in `from`. */
function permutation(from: Layout, to: Layout): number[] {
  return axesInLayout(from, inLayout(to, [0, 1, 2, 3]));
}

/** Tells whether a change of layout moves only axes of size 1, and therefore no data. */
function movesNothing(value: Value, layout: Layout): boolean {
  const held = inLayout(value.layout, value.shape);
  const moved = permutation(value.layout, layout).filter((axis) => held[axis] !== 1);
  return elementCount(value.shape) <= 1 || moved.every((axis, i) => i === 0 || axis > (moved[i - 1] as number));
}
