/** Values in a batch of tasks, and what a batch rule gets and gives. */
import { CompilerBug } from "../../../common/bug.js";
import type { Node, OpAttrs, OpName, Shape } from "../ir.js";
import type { Ops } from "../ops.js";

/** A batch of `size` tasks, in one graph. */
export interface Batch {
  readonly o: Ops;
  readonly size: number;
}

/**
 * One node of the single-task graph, in the batch. `plain`: the same for every task, kept without the axis for as long
 * as it can be. Else `leading`, [task, …], or for images also `channels`, [n, task·c, h, w]: with weights of each
 * task's own a convolution is a grouped one there and batch norm a plain one, so values stay in it from layer to layer.
 * Forms are made when asked for, once.
 */
export class BatchedValue {
  private leadingNodes: Node | undefined;
  private channelNodes: Node | undefined;

  private constructor(
    readonly batch: Batch,
    readonly shared: Node | undefined,
    readonly shape: Shape,
    /** Whether the value was made in channels form: what is done to it image by image stays there. */
    readonly inChannels: boolean,
  ) {}

  static plain(batch: Batch, node: Node): BatchedValue {
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

  /** [task, …] */
  leading(): Node {
    this.leadingNodes ??= this.shared !== undefined ? this.repeated(this.shared) : this.fromChannels();
    return this.leadingNodes;
  }

  /** [n, task·c, h, w] */
  channels(): Node {
    this.channelNodes ??= this.toChannels();
    return this.channelNodes;
  }

  /** Images as [task·n, c, h, w]. */
  tasksInImages(): Node {
    const [n, c, h, w] = images(this.shape);
    return this.batch.o.reshape(this.leading(), [this.batch.size * n, c, h, w]);
  }

  /** The first axis with the tasks in it, [task·a, …]: filters and per-channel values beside `channels`. */
  tasksInFirstAxis(): Node {
    const [first, ...rest] = this.shape;
    return this.batch.o.reshape(this.leading(), [this.batch.size * Number(first), ...rest]);
  }

  private repeated(plain: Node): Node {
    const { o, size } = this.batch;
    const shape = [size, ...plain.shape];
    if (plain.op === "const" && plain.attrs.data.length === 1) return o.constant(shape, plain.attrs.data, plain.dtype);
    const [source] = plain.inputs;
    if (plain.op === "broadcast" && source !== undefined)
      return o.broadcast(
        source,
        shape,
        plain.attrs.dims.map((axis) => axis + 1),
      );
    return o.spread(plain, shape, [0]);
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

/** Applies `node`'s op to a batch; called where at least one operand is not plain. */
export type BatchRule<K extends OpName> = (batch: Batch, node: Node<K>, inputs: BatchedOperands) => BatchedValue;
export type BatchRules<K extends OpName> = { readonly [P in K]: BatchRule<P> };
/** Operands of a batch rule; the shape rule has seen that there are enough. */
export type BatchedOperands = readonly [BatchedValue, BatchedValue, BatchedValue];

/** The op on leading forms, its attributes moved one axis on. */
export function leadingRule<K extends OpName>(shift: (attrs: OpAttrs[K], size: number) => OpAttrs[K]): BatchRule<K> {
  return (batch, node, inputs) => {
    const attrs = shift(node.attrs as OpAttrs[K], batch.size);
    const operands = inputs.map((lane) => lane.leading());
    return BatchedValue.leading(batch, batch.o.graph.op(node.op as K, operands, attrs) as Node);
  };
}

/** Sources have no operands to be batched. */
export function never<K extends OpName>(_: Batch, node: Node<K>): BatchedValue {
  throw new CompilerBug(`${node.op} is batched`);
}
