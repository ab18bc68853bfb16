/** Several tensors of each lane as one vector, on an axis of its own beside the lanes. */
import { nth } from "../../../common/bug.js";
import type { Axis } from "../../typed/tree.js";
import { axesOf, countOf, isLaneAxis, lanesOf, type NamedOps, type NamedTensor } from "../named-tensor.js";

/** The axis that holds all values of a lane. */
export const valuesAxis = "·values";

export class LaneVectors {
  private readonly lanes: readonly Axis[];
  /** The axes of each tensor that are no lanes. */
  private readonly own: readonly (readonly Axis[])[];

  /** Makes vectors for tensors with the axes of `like`. */
  constructor(
    private readonly ops: NamedOps,
    like: readonly NamedTensor[],
  ) {
    this.lanes = lanesOf(like);
    this.own = like.map((tensor) => axesOf(tensor).filter((axis) => !isLaneAxis(axis.name)));
  }

  /** Returns one 0 for each lane. */
  zero(): NamedTensor {
    return this.ops.constant([0], this.lanes);
  }

  /** Returns a vector of zeros for each lane. */
  zeros(): NamedTensor {
    const size = this.own.reduce((sum, axes) => sum + countOf(axes), 0);
    return this.ops.constant([0], [...this.lanes, { name: valuesAxis, size }]);
  }

  dot(a: NamedTensor, b: NamedTensor): NamedTensor {
    return this.ops.sum(this.ops.mul(a, b), [valuesAxis]);
  }

  concatenate(tensors: readonly NamedTensor[]): NamedTensor {
    const { ops, lanes } = this;
    const parts = tensors.map((tensor, i) => {
      const own = nth(this.own, i);
      return ops.reshape(ops.expand(tensor, [...lanes, ...own]), [...lanes, { name: valuesAxis, size: countOf(own) }]);
    });
    return ops.concat(parts, valuesAxis);
  }

  /** Returns the tensors of a vector, each with the axes of its counterpart in `like`, in that order. */
  split(vector: NamedTensor, like: readonly NamedTensor[]): NamedTensor[] {
    const { ops, lanes } = this;
    const ordered = ops.order(vector, [...lanes.map(({ name }) => name), valuesAxis]);
    let from = 0;
    return like.map((tensor, i) => {
      const own = nth(this.own, i);
      const to = from + countOf(own);
      const slice = ops.slice(ordered, valuesAxis, from, to);
      from = to;
      return ops.order(ops.reshape(slice, [...lanes, ...own]), tensor.axes);
    });
  }
}
