/** Convolutions under a batch norm, rewritten so that the means of their channels are near 0. */
import type { Node } from "../../../../compiler/tensor/ir.js";
import type { Ops } from "../../../../compiler/tensor/ops.js";
import { operand } from "../../lowering.js";
import { signOf, withSign } from "./channels.js";
import type { NormedConv, Patterns } from "./patterns.js";

/** A rewritten convolution. The original result is sign·(y + mean0) + bias. */
export interface CenteredConv {
  readonly y: Node;
  /** The filters, times `sign`. */
  readonly filters: Node;
  readonly x: Node;
  /** The estimated means of the channels, [o]; undefined for a convolution in groups, which is not centered. */
  readonly mean0: Node | undefined;
  /** ±1 for each channel if the block has a max pool. */
  readonly sign: Node | undefined;
}

export class CenteredConvs {
  private readonly made = new Map<Node, CenteredConv>();

  constructor(
    private readonly o: Ops,
    private readonly patterns: Patterns,
    /** Returns the rewritten form of an original node. */
    private readonly rewritten: (node: Node) => Node,
    /** Collects the nodes whose channels have means near 0. */
    private readonly centered: Set<Node>,
  ) {}

  /** Returns the rewritten form of a convolution; it is made once. */
  get(normed: NormedConv): CenteredConv {
    const known = this.made.get(normed.y);
    if (known !== undefined) return known;
    const { o, rewritten } = this;
    const block = [...this.patterns.pooled.values()].find(({ norm }) => operand(norm, 0) === normed.y);
    const x = rewritten(operand(normed.conv, 0));
    const plain = rewritten(operand(normed.conv, 1));
    const sign = block && signOf(o, rewritten(operand(block.norm, 1)));
    const filters = withSign(o, plain, sign, 0);
    const result = o.conv2d(x, filters, normed.conv.attrs);
    const mean0 = normed.conv.attrs.groups === 1 ? this.estimatedMean(x, filters) : undefined;
    const y = mean0 !== undefined ? o.add(result, o.broadcast(o.neg(mean0), result.shape, [1])) : result;
    const made = { y, filters, x, mean0, sign };
    this.made.set(normed.y, made);
    if (mean0 !== undefined) this.centered.add(y);
    return made;
  }

  /** Returns the channels' means of a convolution, [o], computed from the means of its input and exact except for the borders. */
  private estimatedMean(x: Node, filters: Node): Node {
    const { o } = this;
    return o.dot(o.sum(filters, [2, 3]), o.mean(x, [0, 2, 3]), [[1], [0]]);
  }
}
