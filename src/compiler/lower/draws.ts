/**
 * Random bits in the graph: what dropout keeps. A draw's key is a hash of (seed, purpose, structural path) and of the
 * step and episode, which are counted in the program's state (rule 30).
 */
import type { Node } from "../tensor/ir.js";
import type { LayerOp } from "../typed.js";
import { axesOf, type Named, type NamedOps, sizeOf } from "./named.js";
import { keyOf } from "./random.js";

/** Uniform bits are used 24 at a time, so that f32 holds them exactly. */
const range = 2 ** 24;

export class Draws {
  constructor(
    private readonly ops: NamedOps,
    private readonly seed: number,
    /** u32 scalar: unique for each step and episode of the stage. */
    private readonly counter: Node,
    /** f32 scalar: the number of finished steps. */
    private readonly step: Named,
    /** Structural path of the call, `encoder` or `metric.compare`. */
    private readonly path: string,
  ) {}

  /** The same draws for a call within this one. */
  at(path: string): Draws {
    return new Draws(this.ops, this.seed, this.counter, this.step, `${this.path}.${path}`);
  }

  /** Multipliers of x: 1 / (1 − p) where a number is kept, 0 where it is dropped; undefined where nothing ever is. */
  keep(path: string, x: Named, p: number): Named | undefined {
    if (p === 0) return undefined;
    const { ops } = this;
    const kept = ops.compare("ge", this.uniform(path, x), ops.scalar(p * range));
    return ops.scale(ops.cast(kept, "f32"), 1 / (1 - p));
  }

  /**
   * DropBlock (Ghiasi et al. 2018) on x [n, channel, height, width]: squares are dropped whole, the rest scaled up so
   * that the call's mean stays; `p` rises linearly over the first `rampSteps` steps. Undefined where it stays 0.
   */
  keepBlocks(path: string, x: Named, op: Extract<LayerOp, { kind: "drop_block" }>): Named | undefined {
    if (op.p === 0) return undefined;
    const { ops } = this;
    const [height, width] = [sizeOf(x, "height"), sizeOf(x, "width")];
    const size = Math.min(op.size, height, width);
    const axes = axesOf(x).map((axis) =>
      axis.name === "height" || axis.name === "width" ? { ...axis, size: axis.size - size + 1 } : axis,
    );
    const perCorner = (height * width) / (size * size * (height - size + 1) * (width - size + 1));
    const ramp =
      op.rampSteps > 0 ? ops.binary("min", ops.scale(this.step, 1 / op.rampSteps), ops.scalar(1)) : ops.scalar(1);
    const threshold = ops.scale(ramp, op.p * perCorner * range);
    const place = ops.constant([0], axes);
    const dropped = ops.cast(ops.compare("lt", this.uniform(path, place), threshold), "f32");
    const edge = [0, 0, size - 1, size - 1];
    const padded = ops.t.pad(dropped.node, edge, edge);
    const window = { size: [size, size], stride: [1, 1], pad: [0, 0, 0, 0] } as const;
    const blocks = ops.of(ops.t.maxPool(padded, window), x.axes);
    const kept = ops.sub(ops.scalar(1), blocks);
    const total = axesOf(x).reduce((product, axis) => product * axis.size, 1);
    const mass = ops.binary("max", ops.sum(kept, kept.axes), ops.scalar(1));
    return ops.mul(kept, ops.div(ops.scalar(total), mass));
  }

  /** Whole numbers 0 … 2²⁴ − 1 as f32, one for each element of `like`. */
  private uniform(path: string, like: Named): Named {
    const { t } = this.ops;
    const [low, high] = keyOf(this.seed, "dropout", `${this.path}.${path}`);
    const second = t.xor(t.constant([1], [high], "u32"), t.reshape(this.counter, [1]));
    const key = t.concat([t.constant([1], [low], "u32"), second], 0);
    const bits = t.randomBits(key, t.constant([1], [0], "u32"), like.node.shape);
    return this.ops.of(t.cast(t.shr(bits, 8), "f32"), like.axes);
  }
}
