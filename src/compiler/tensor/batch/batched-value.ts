/** Values in a batch of tasks, and the interface of batch rules. */
import { CompilerBug } from "../../../common/bug.js";
import type { Node, OpAttrs, OpName, Shape } from "../ir.js";
import type { Ops } from "../ops.js";

/** A batch of `size` tasks, in one graph. */
export interface Batch {
  readonly o: Ops;
  readonly size: number;
}

/**
 * One node of the single-task graph, in the batch. A value that is the same for every task is `shared` and has no task
 * axis. Any other value has the form `leading`, [task, …]. Images may also have the form `channels`, [n, task·c, h, w]: if
 * each task has its own weights, a convolution in this form is a grouped one and a batch norm an ordinary one, so values
 * stay in it from layer to layer. Forms are made once, when they are needed.
 */
export class BatchedValue {
  private leadingNodes: Node | undefined;
  private channelNodes: Node | undefined;

  private constructor(
    readonly batch: Batch,
    readonly shared: Node | undefined,
    readonly shape: Shape,
    /** True if the value was made in channels form. Operations on single images keep it there. */
    readonly inChannels: boolean,
  ) {}

  static shared(batch: Batch, node: Node): BatchedValue {
    return new BatchedValue(batch, node, node.shape, false);
  }
  static leading(batch: Batch, node: Node): BatchedValue {
    const lane = new BatchedValue(batch, undefined, node.shape.slice(1), false);
    lane.leadingNodes = node;
    return lane;
  }
  static channels(batch: Batch, node: Node): BatchedValue {
    const [n, tasks, h, w] = images(node.shape);
    const lane = new BatchedValue(batch, undefined, [n, tasks / batch.size, h, w], true);
    lane.channelNodes = node;
    return lane;
  }

  /** Returns [task, …]. */
  leading(): Node {
    this.leadingNodes ??= this.shared !== undefined ? this.repeated(this.shared) : this.fromChannels();
    return this.leadingNodes;
  }

  /** Returns [n, task·c, h, w]. */
  channels(): Node {
    this.channelNodes ??= this.toChannels();
    return this.channelNodes;
  }

  /** Returns images as [task·n, c, h, w]. */
  tasksInImages(): Node {
    const [n, c, h, w] = images(this.shape);
    return this.batch.o.reshape(this.leading(), [this.batch.size * n, c, h, w]);
  }

  /** Returns [task·a, …]: the form of filters and per-channel values beside `channels`. */
  tasksInFirstAxis(): Node {
    const [first, ...rest] = this.shape;
    return this.batch.o.reshape(this.leading(), [this.batch.size * Number(first), ...rest]);
  }

  private repeated(value: Node): Node {
    const { o, size } = this.batch;
    const shape = [size, ...value.shape];
    if (value.op === "const" && value.attrs.data.length === 1) return o.constant(shape, value.attrs.data, value.dtype);
    const [source] = value.inputs;
    if (value.op === "broadcast" && source !== undefined)
      return o.broadcast(
        source,
        shape,
        value.attrs.dims.map((axis) => axis + 1),
      );
    return o.spread(value, shape, [0]);
  }

  private fromChannels(): Node {
    const [n, c, h, w] = images(this.shape);
    const { o, size } = this.batch;
    if (this.channelNodes === undefined) throw new CompilerBug("a batched value has no form");
    return o.transpose(o.reshape(this.channelNodes, [n, size, c, h, w]), [1, 0, 2, 3, 4]);
  }

  private toChannels(): Node {
    const [n, c, h, w] = images(this.shape);
    const { o, size } = this.batch;
    const tasksInside =
      this.shared !== undefined
        ? o.spread(this.shared, [n, size, c, h, w], [1])
        : o.transpose(this.leading(), [1, 0, 2, 3, 4]);
    return o.reshape(tasksInside, [n, size * c, h, w]);
  }
}

export function images(shape: Shape): readonly [number, number, number, number] {
  if (shape.length !== 4) throw new CompilerBug(`[${shape.join(", ")}] is not [n, c, h, w]`);
  return shape as readonly [number, number, number, number];
}

/** Applies the op of `node` to a batch. At least one operand is not shared. */
export type BatchRule<K extends OpName> = (batch: Batch, node: Node<K>, inputs: BatchedOperands) => BatchedValue;
export type BatchRules<K extends OpName> = { readonly [P in K]: BatchRule<P> };
/** The operands of a batch rule. The shape rule has checked that there are enough. */
export type BatchedOperands = readonly [BatchedValue, BatchedValue, BatchedValue];

/** Returns the rule that applies the op to leading forms, with its attributes shifted by one axis. */
export function leadingRule<K extends OpName>(shift: (attrs: OpAttrs[K], size: number) => OpAttrs[K]): BatchRule<K> {
  return (batch, node, inputs) => {
    const attrs = shift(node.attrs as OpAttrs[K], batch.size);
    const operands = inputs.map((lane) => lane.leading());
    return BatchedValue.leading(batch, batch.o.graph.op(node.op as K, operands, attrs) as Node);
  };
}

/** The rule of sources, which have no operands and so are never batched. */
export function never<K extends OpName>(_: Batch, node: Node<K>): BatchedValue {
  throw new CompilerBug(`${node.op} is batched`);
}
