/**
 * Random draws in the graph: the masks of dropout and the numbers that a loss draws. The key of a draw is a hash of (seed,
 * purpose, structural path) combined with a counter of the step and episode, which is part of the program's state. So a
 * draw does not depend on other draws (docs/tensor-ir.md, `random_bits`).
 */

import { betaQuantile } from "../../common/beta-function.js";
import { CompilerBug } from "../../common/bug.js";
import { keyOf } from "../../common/random/threefry.js";
import { elementCount } from "../tensor/shape.js";
import type { Axis, Law, LayerOp } from "../typed/tree.js";
import { standardNormal } from "./draws/normal.js";
import { randomStreams } from "./draws/streams.js";
import { axesOf, countOf, type NamedOps, type NamedTensor, sizeOf, taskAxis } from "./named-tensor.js";

/** Draws use 24 uniform bits, which f32 holds exactly. */
const range = 2 ** 24;

/** The values that determine a draw. */
export interface DrawSource {
  readonly seed: number;
  /** A u32 that is unique for each step and episode of the stage: [], or [task] for episodes side by side. */
  readonly counter: NamedTensor;
  /** The number of finished steps: an f32 scalar. It is undefined at test, where nothing is dropped. */
  readonly step: NamedTensor | undefined;
  /** The number of the round of a loop at test: an i32 scalar. In training each round of a loop has draws of its own paths. */
  readonly round?: NamedTensor;
  /** The structural path of the call, such as `encoder` or `metric.compare`. */
  readonly path: string;
}

export class Draws {
  constructor(
    private readonly ops: NamedOps,
    private readonly source: DrawSource,
  ) {}

  /** Returns the draws of a call within this one. */
  child(path: string): Draws {
    return new Draws(this.ops, { ...this.source, path: `${this.source.path}.${path}` });
  }

  /** Returns the draws of a round of a loop. In training they are the same: every round is lowered by itself there. */
  inRound(round: NamedTensor): Draws {
    return this.source.step === undefined ? new Draws(this.ops, { ...this.source, round }) : this;
  }

  /** True if episodes are side by side and each draws for itself. */
  get perTask(): boolean {
    return this.source.counter.axes.length > 0;
  }

  /** Returns the value with the task axis. It is repeated over the episodes if it lacks the axis. */
  expandToTasks(x: NamedTensor): NamedTensor {
    if (x.axes.includes(taskAxis)) return x;
    return this.ops.expand(x, [{ name: taskAxis, size: sizeOf(this.source.counter, taskAxis) }, ...axesOf(x)]);
  }

  /** Returns the draws of one lane. `one` returns the placeholder of one lane of a value. */
  forLane(one: (value: NamedTensor) => NamedTensor): Draws {
    return new Draws(this.ops, { ...this.source, counter: one(this.source.counter) });
  }

  /** Returns the factors of x: 1 / (1 − p) if an element is kept, 0 if it is dropped. It is undefined at test, and if p is 0. */
  dropoutMask(path: string, x: NamedTensor, p: number): NamedTensor | undefined {
    if (p === 0 || this.source.step === undefined) return undefined;
    const { ops } = this;
    const kept = ops.compare("ge", this.uniformBits(path, x), ops.scalar(p * range));
    return ops.scale(ops.cast(kept, "f32"), 1 / (1 - p));
  }

  /**
   * Returns the factors of DropBlock (Ghiasi et al. 2018) for x [task?, n, channel, height, width]. Whole squares are dropped,
   * and the rest is scaled up so that the mean of each episode stays the same. The probability `p` rises linearly over the
   * first `rampSteps` steps. The result is undefined at test, and if p is 0.
   */
  dropBlockMask(path: string, x: NamedTensor, op: Extract<LayerOp, { kind: "drop_block" }>): NamedTensor | undefined {
    const { step } = this.source;
    if (op.p === 0 || step === undefined) return undefined;
    const { ops } = this;
    const [height, width] = [sizeOf(x, "height"), sizeOf(x, "width")];
    const size = Math.min(op.size, height, width);
    const axes = axesOf(x).map((axis) =>
      axis.name === "height" || axis.name === "width" ? { ...axis, size: axis.size - size + 1 } : axis,
    );
    const perCorner = (height * width) / (size * size * (height - size + 1) * (width - size + 1));
    const ramp = op.rampSteps > 0 ? ops.binary("min", ops.scale(step, 1 / op.rampSteps), ops.scalar(1)) : ops.scalar(1);
    const threshold = ops.scale(ramp, op.p * perCorner * range);
    const place = ops.constant([0], axes);
    const dropped = ops.cast(ops.compare("lt", this.uniformBits(path, place), threshold), "f32");
    const planes = dropped.node.shape.slice(-3);
    const edge = [0, 0, size - 1, size - 1];
    const padded = ops.t.pad(
      ops.t.reshape(dropped.node, [elementCount(dropped.node.shape.slice(0, -3)), ...planes]),
      edge,
      edge,
    );
    const window = { size: [size, size], stride: [1, 1], pad: [0, 0, 0, 0] } as const;
    const blocks = ops.of(ops.t.reshape(ops.t.maxPool(padded, window), x.node.shape), x.axes);
    const kept = ops.sub(ops.scalar(1), blocks);
    const each = axesOf(x).filter((axis) => axis.name !== taskAxis);
    const mass = ops.sum(
      kept,
      each.map((axis) => axis.name),
    );
    const count = countOf(each);
    return ops.mul(kept, ops.div(ops.scalar(count), ops.binary("max", mass, ops.scalar(1))));
  }

  /** Returns random numbers of a distribution. For `permutation` they are the indices of its one axis (i32) in random order. */
  sample(path: string, law: Law, axes: readonly Axis[]): NamedTensor {
    const { ops } = this;
    const bits = this.uniformBits(path, ops.constant([0], axes), "draw");
    switch (law.kind) {
      case "uniform":
        return ops.scale(bits, 1 / range);
      case "normal":
        return standardNormal(ops, bits);
      case "beta":
        return this.quantiles(bits, (p) => betaQuantile(p, law.a, law.b));
      case "permutation": {
        // Sorting random numbers gives a random order.
        const [axis] = axes;
        if (axis === undefined) throw new CompilerBug("a permutation of no axis");
        return ops.of(ops.t.topK(bits.node, axis.size, ops.axisIndex(bits, axis.name)), bits.axes);
      }
      default:
        return law satisfies never;
    }
  }

  /** Transforms uniform bits by the quantiles at 4,096 equal steps of probability, with linear interpolation between them. */
  private quantiles(bits: NamedTensor, quantile: (p: number) => number): NamedTensor {
    const { ops } = this;
    const { t } = ops;
    const steps = 4096;
    const table = Float64Array.from({ length: steps + 1 }, (_, i) => quantile(i / steps));
    const rises = Float64Array.from({ length: steps }, (_, i) => (table[i + 1] ?? 0) - (table[i] ?? 0));
    const place = ops.scale(bits, steps / range);
    const below = ops.unary("floor", place);
    const indices = ops.cast(below, "i32").node;
    const look = (values: Float64Array): NamedTensor =>
      ops.of(t.gather(t.constant([steps], values), indices, 0), bits.axes);
    return ops.add(look(table.slice(0, steps)), ops.mul(look(rises), ops.sub(place, below)));
  }

  /** Returns integers 0 … 2²⁴ − 1 as f32, one for each element of `like`, with the task axis in front. */
  private uniformBits(path: string, like: NamedTensor, purpose: "dropout" | "draw" = "dropout"): NamedTensor {
    const { t } = this.ops;
    const { seed, path: place } = this.source;
    const tasks = this.perTask ? sizeOf(this.source.counter, taskAxis) : 1;
    const own = axesOf(like).filter((axis) => axis.name !== taskAxis || !this.perTask);
    const shape = own.map((axis) => axis.size);
    const [low, high] = keyOf(seed, purpose, `${place}.${path}`);
    const { round } = this.source;
    const keyed = t.constant([1], [low], "u32");
    const first = round === undefined ? keyed : t.xor(keyed, t.reshape(t.cast(round.node, "u32"), [1]));
    const second = t.xor(t.full([tasks], high, "u32"), t.reshape(this.source.counter.node, [tasks]));
    const bits = randomStreams(t, first, second, shape);
    const names = own.map((axis) => axis.name);
    const all = this.perTask ? this.ops.of(bits, [taskAxis, ...names]) : this.ops.of(t.reshape(bits, shape), names);
    return this.ops.of(t.cast(t.shr(all.node, 8), "f32"), all.axes);
  }
}
