/** Loops that the runtime drives. One round of a loop is lowered, with inputs of its own for the carried values. */
import { CompilerBug, nth } from "../../../common/bug.js";
import type { Node } from "../../tensor/ir.js";
import { axesOf, type NamedOps, type NamedTensor } from "../named-tensor.js";
import type { LoopDriver } from "./loop.js";
import { keepFinished } from "./loop.js";
import type { CarriedValue, RuntimeLoop } from "./segments.js";

/** Collects the loops of a graph that are not unrolled. `splitAtLoops` (segments.ts) makes programs of the graph and its loops. */
export class RuntimeLoops {
  private readonly all: RuntimeLoop[] = [];
  private inside = false;

  constructor(private readonly ops: NamedOps) {}

  /** The loops in the order of creation. */
  get loops(): readonly RuntimeLoop[] {
    return this.all;
  }

  readonly driver: LoopDriver = ({ bound, start, round }) => {
    if (this.inside) throw new CompilerBug("a runtime loop inside another reached lowering");
    const { ops } = this;
    const name = `loop ${this.all.length + 1}`;
    const at = (what: string | number, like: NamedTensor): NamedTensor & { readonly node: Node<"input"> } => ({
      node: ops.t.input(`${name}: ${what}`, like.node.shape, like.node.dtype),
      axes: like.axes,
    });
    const zero = ops.scalar(0, "i32");
    const index = at("round", zero);
    const inputs = start.map((value, i) => at(i, value));
    this.inside = true;
    const { carried, done } = round(inputs, index);
    this.inside = false;
    const going = done && ops.constant([0], axesOf(done), "bool");
    const finished = going && at("finished", going);
    const ended = done && finished && ops.binary("or", finished, done);
    const kept = keepFinished(ops, finished, inputs, carried);
    const results = start.map((value, i) => at(`${i} at the end`, value));
    /** Returns a value that the loop itself needs from round to round. */
    const own = (what: string, from: NamedTensor, next: NamedTensor): CarriedValue => ({
      input: at(what, from).node,
      start: from.node,
      next: next.node,
      masked: next.node,
      result: at(`${what} at the end`, from).node,
    });
    this.all.push({
      bound,
      carried: [
        ...start.map((value, i) => ({
          input: nth(inputs, i).node,
          start: value.node,
          next: nth(carried, i).node,
          masked: nth(kept, i).node,
          result: nth(results, i).node,
        })),
        own("round", zero, ops.binary("add", index, ops.scalar(1, "i32"))),
        ...(going !== undefined && ended !== undefined ? [own("finished", going, ended)] : []),
      ],
      active: ended && ops.sum(ops.cast(ops.unary("not", ended), "f32"), ended.axes).node,
    });
    return results;
  };
}
