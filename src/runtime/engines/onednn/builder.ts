/** Builds the steps of a program for the rules of the lowering: it writes the loops that compute nodes, also several within one. */
import type { Node } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import { EngineError, type Precision } from "../engine.js";
import { operand, SharedResults } from "../lowering.js";
import { type Held, HeldTensors } from "./held.js";
import type { Layout } from "./layouts.js";
import type { Library } from "./library.js";
import { type Affine, add, constant } from "./loops/affine.js";
import { Body, NotAffine, type Stored } from "./loops/body.js";
import { expressionOf, isLoopOp } from "./loops/expressions.js";
import { type Factors, loopsOver, placeOf, rowMajor } from "./loops/layout.js";
import { elementwise, type Reduction, reduction, type TypedArray } from "./loops/source.js";
import type { Slot } from "./memory.js";
import type { Patterns } from "./patterns.js";
import { kernelStep } from "./steps.js";

export class Builder extends HeldTensors {
  /** Results of primitives that several rules need. */
  readonly shared = new SharedResults();

  constructor(
    library: Library,
    readonly patterns: Patterns,
    /** The numbers that convolutions and large products read. */
    readonly precision: Precision,
    private readonly lower: (builder: Builder, node: Node) => void,
  ) {
    super(library);
  }

  protected lowered(node: Node): void {
    this.lower(this, node);
  }

  /** Computes a node element by element. */
  computeByLoop(node: Node): void {
    const layout = this.layoutLike(node) ?? this.plainLayout(node);
    const slot = this.slot(layout, node.dtype);
    this.loop(node.op, node, layout.factors ?? [], slot, (index, sizes) => placeOf(layout.factors ?? [], index, sizes));
    this.define(node, { slot, layout });
  }

  /** Writes a node into part of a slot. `order` is the order of its axes there, and `place` gives the place of an index. */
  copy(
    kernel: string,
    node: Node,
    slot: Slot,
    place: (index: readonly Affine[]) => readonly Affine[],
    target: Factors,
    at = 0,
  ): void {
    this.loop(kernel, node, (this.layoutLike(node) ?? this.plainLayout(node)).factors ?? [], slot, (index, sizes) => {
      const found = placeOf(target, place(index), sizes);
      return found === undefined ? undefined : add(found, constant(at));
    });
  }

  /** Returns a node's elements with the axes in another order, row-major. */
  permuted(node: Node, order: readonly number[]): Slot {
    const shape = order.map((axis) => node.shape[axis] ?? 1);
    const slot = this.slot(this.plainLayout(node), node.dtype);
    this.copy("transpose", node, slot, (index) => order.map((axis) => index[axis] ?? constant(0)), rowMajor(shape));
    return slot;
  }

  private loop(
    kernel: string,
    node: Node,
    order: Factors,
    slot: Slot,
    place: (index: readonly Affine[], sizes: readonly number[]) => Affine | undefined,
  ): void {
    const { sizes, index } = loopsOver(order);
    const { body, value, reads } = this.body(node, index, sizes);
    const target = place(index, sizes);
    if (target === undefined) throw new EngineError("internal", `${node.op}: no place for its result`);
    const run = elementwise(body, value, target, reads.length + 1);
    this.add(kernelStep(kernel, run, { reads, writes: [slot] }));
  }

  /** Computes a node in a layout by a loop over two tensors, with the value that `write` gives for an index. */
  gatherLoop(
    node: Node,
    layout: Layout,
    tensors: readonly [Held, Held],
    write: (body: Body, index: readonly Affine[], stored: readonly [Stored, Stored]) => string,
  ): void {
    const { sizes, index } = loopsOver(layout.factors ?? []);
    const body = new Body(sizes, () => undefined, expressionOf);
    const [first, second] = tensors.map(({ layout: { factors = [] } }, array): Stored => ({ array, factors }));
    if (first === undefined || second === undefined) throw new RangeError("two tensors");
    const value = write(body, index, [first, second]);
    const target = placeOf(layout.factors ?? [], index, sizes);
    if (target === undefined) throw new EngineError("internal", `${node.op}: no place for its result`);
    const run = elementwise(body, value, target, 3);
    this.add(kernelStep(node.op, run, { reads: tensors.map(({ slot }) => slot), writes: [this.result(node, layout)] }));
  }

  /** Combines the elements of a node along axes. */
  reduce(node: Node, axes: readonly number[], rule: Reduction): void {
    const x = operand(node, 0);
    const { sizes, index } = loopsOver((this.layoutLike(x) ?? this.plainLayout(x)).factors ?? []);
    const { body, value, reads } = this.body(x, index, sizes);
    const kept = index.filter((_, axis) => !axes.includes(axis));
    const target = placeOf(rowMajor(node.shape), kept, sizes);
    if (target === undefined) throw new EngineError("internal", `${node.op}: no place for its result`);
    const count = elementCount(node.shape);
    const run = reduction(body, value, target, { arrays: reads.length + 2, count, rule });
    const scratch: TypedArray[] = [new Float64Array(count)];
    this.add(kernelStep(node.op, run, { reads, scratch, writes: [this.result(node)] }));
  }

  /** Writes the body of a loop. A node without an affine index is brought to memory first, and the body is written again. */
  private body(
    node: Node,
    index: readonly Affine[],
    sizes: readonly number[],
  ): { readonly body: Body; readonly value: string; readonly reads: Slot[] } {
    for (;;) {
      const reads: Slot[] = [];
      const body = new Body(sizes, (each) => this.stored(each, reads), expressionOf);
      try {
        return { body, value: body.value(node, index), reads };
      } catch (error) {
        if (!(error instanceof NotAffine)) throw error;
        this.plain(error.node);
      }
    }
  }

  /** Returns where a node is in memory, for a loop, or undefined if the loop is to compute it. */
  private stored(node: Node, reads: Slot[]): Stored | undefined {
    if (!this.held.has(node) && !(isLoopOp(node.op) && node.op !== "const")) {
      if (node.op === "const" && node.attrs.data.length === 1) return undefined;
      this.compute(node);
    }
    const held =
      this.find(node, ({ layout }) => layout.plain) ?? this.find(node, ({ layout }) => layout.factors !== undefined);
    if (held?.layout.factors === undefined) return undefined;
    let array = reads.indexOf(held.slot);
    if (array < 0) array = reads.push(held.slot) - 1;
    return { array, factors: held.layout.factors };
  }

  /** Returns the blocked layout of a tensor of the same shape that a loop over `node` reads, for the result to have the same. */
  private layoutLike(node: Node, root: Node = node): Layout | undefined {
    if (root.dtype !== "f32" || node.shape.join() !== root.shape.join()) return undefined;
    const all = this.held.get(node);
    if (all !== undefined) {
      if (all.some(({ layout }) => layout.plain)) return undefined;
      return all.find(({ layout }) => layout.factors !== undefined && !layout.padded)?.layout;
    }
    if (!isLoopOp(node.op)) return undefined;
    for (const input of node.inputs) {
      const found = this.layoutLike(input, root);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
