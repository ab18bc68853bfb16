/** Builds the steps of a program: it knows in which layouts each node is in memory, and brings it into others where they are wanted. */
import type { Node, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import { EngineError, type Precision, type TypedData } from "../engine.js";
import { operand, SharedResults } from "../lowering.js";
import { allocate } from "../tensors.js";
import { type Layout, Layouts } from "./layouts.js";
import type { Library, Pointer } from "./library.js";
import { type Affine, add, constant } from "./loops/affine.js";
import { Body, NotAffine, type Stored } from "./loops/body.js";
import { expressionOf, isLoopOp } from "./loops/expressions.js";
import { type Factors, loopsOver, placeOf, rowMajor } from "./loops/layout.js";
import { elementwise, type Kernel, type Reduction, reduction, type TypedArray } from "./loops/source.js";
import type { Slot } from "./memory.js";
import type { Patterns } from "./patterns.js";
import { kernelStep, type PrimitiveArgument, primitiveStep, type Step } from "./steps.js";

/** A tensor in memory. */
export interface Held {
  readonly slot: Slot;
  readonly layout: Layout;
}

/** Memory with oneDNN's description of it. */
type Described = Pick<PrimitiveArgument, "slot" | "description">;

function described({ slot, layout: { description } }: Held): Described {
  if (description === undefined)
    throw new EngineError("internal", "a primitive reads or writes a tensor without a description");
  return { slot, description };
}

export class Builder {
  readonly slots: Slot[] = [];
  readonly steps: Step[] = [];
  /** The steps that depend on constants only. They run once. */
  readonly setup: Step[] = [];
  /** The contents of constants. */
  readonly contents = new Map<Slot, TypedData>();
  readonly layouts: Layouts;
  /** Results of primitives that several rules need. */
  readonly shared = new SharedResults();
  private readonly primitives: Pointer[] = [];
  private readonly keptDescriptions = new Map<Pointer, Pointer | undefined>();
  private readonly held = new Map<Node, Held[]>();
  /** The copies of nodes in bf16. They are apart, so that only the primitives that ask for them read them. */
  private readonly rounded = new Map<Node, Held[]>();
  /** The slots that several steps write. They count as no constants, because one of the steps may have operands. */
  private readonly inParts = new Set<Slot>();
  /** The node whose rule adds steps now. */
  private current: Node | undefined;

  constructor(
    readonly library: Library,
    readonly patterns: Patterns,
    /** The numbers that convolutions and large products read. */
    readonly precision: Precision,
    private readonly lower: (builder: Builder, node: Node) => void,
  ) {
    this.layouts = new Layouts(library);
  }

  slot(layout: Pick<Layout, "bytes">, dtype: Slot["dtype"], place: Slot["place"] = "arena"): Slot {
    const slot: Slot = { id: this.slots.length, bytes: layout.bytes, dtype, place };
    this.slots.push(slot);
    return slot;
  }

  /** Makes memory for the result of a node in a layout. */
  result(node: Node, layout: Layout = this.plainLayout(node)): Slot {
    const slot = this.slot(layout, node.dtype);
    this.define(node, { slot, layout });
    return slot;
  }

  /** Makes memory for a result that several steps write, each a part of it. */
  assembled(node: Node): Slot {
    const slot = this.result(node);
    this.inParts.add(slot);
    return slot;
  }

  plainLayout({ shape, dtype }: Node): Layout {
    return this.layouts.plain(shape, dtype);
  }

  define(node: Node, held: Held): void {
    this.held.set(node, [...(this.held.get(node) ?? []), held]);
  }

  isHeld(node: Node): boolean {
    return this.held.has(node);
  }

  /** Runs `make`. The steps that it adds belong to this node, in profiles. */
  within(node: Node, make: () => void): void {
    const before = this.current;
    this.current = node;
    make();
    this.current = before;
  }

  /** Adds a step. If it depends on constants only, its results are constants too. */
  add(step: Step): void {
    if (this.current !== undefined && step.kernel !== "reorder") step.node = this.current;
    const isConstant =
      step.reads.every(({ place }) => place === "kept") && !step.writes.some((slot) => this.inParts.has(slot));
    if (isConstant) for (const slot of step.writes) slot.place = "kept";
    (isConstant ? this.setup : this.steps).push(step);
  }

  addKernel(kernel: string, run: Kernel, reads: readonly Slot[], writes: readonly Slot[]): void {
    this.add(kernelStep(kernel, run, { reads, writes }));
  }

  /** Returns the memory of a node in row-major order, and brings it there if it is not. */
  plain(node: Node): Slot {
    const known = this.find(node, ({ layout }) => layout.plain);
    if (known !== undefined) return known.slot;
    const other = this.find(node, ({ layout }) => layout.description !== undefined);
    if (other !== undefined) {
      const layout = this.plainLayout(node);
      const slot = this.reorder(described(other), layout);
      this.define(node, { slot, layout });
      return slot;
    }
    this.hold(node);
    return this.plain(node);
  }

  /** Brings a node to memory, in any layout. A reshaped tensor shares the memory of its operand. */
  private hold(node: Node): void {
    if (this.held.has(node)) return;
    if (node.op === "reshape" || node.op === "stop_gradient")
      this.define(node, { slot: this.plain(operand(node, 0)), layout: this.plainLayout(node) });
    else this.compute(node);
  }

  /**
   * Returns the memory of a node in the layout of oneDNN's description. The description has the shape of the node, or another
   * shape with as many elements if the node is row-major.
   */
  native(node: Node, shape: Shape, description: Pointer): Held {
    this.hold(node);
    const known = this.find(node, ({ layout }) => this.layouts.same(layout, description));
    if (known !== undefined) return known;
    const from = this.describedAs(node, shape);
    if (this.layouts.same(from.layout, description)) return from;
    const layout = this.layouts.described(this.library.make("clonedDescription", description));
    const made = { slot: this.reorder(described(from), layout), layout };
    this.define(node, made);
    return made;
  }

  /** As `native`, for a description of bf16: returns a copy whose numbers are rounded. */
  round(node: Node, shape: Shape, description: Pointer): Held {
    const copies = this.rounded.get(node) ?? [];
    const known = copies.find(({ layout }) => this.layouts.same(layout, description));
    if (known !== undefined) return known;
    this.hold(node);
    const { slot, layout } = this.describedAs(node, shape);
    const made = this.roundedCopy(described({ slot, layout }), description);
    this.rounded.set(node, [...copies, made]);
    return made;
  }

  /** Returns a copy of memory as this description of bf16 wants it. */
  roundedCopy(from: Described, description: Pointer): Held {
    const layout = this.layouts.opaque(this.library.make("clonedDescription", description));
    return { slot: this.reorder(from, layout, "u8"), layout };
  }

  /** Returns the memory of a node with a description of this shape: the node's own, or another one with as many elements. */
  private describedAs(node: Node, shape: Shape): Held {
    const own = shape === node.shape ? this.find(node, ({ layout }) => layout.description !== undefined) : undefined;
    return own ?? { slot: this.plain(node), layout: this.layouts.plain(shape, node.dtype) };
  }

  /** Returns the memory of a node in the layout in which it is. */
  anyHeld(node: Node): Held {
    this.hold(node);
    return (
      this.find(node, ({ layout }) => layout.description !== undefined && !layout.plain) ?? {
        slot: this.plain(node),
        layout: this.plainLayout(node),
      }
    );
  }

  /** Returns the memory of images in a layout in which norms and pools are fast: as they are, or with blocks of channels. */
  images(node: Node): Held {
    const held = this.anyHeld(node);
    const blocked = held.layout.plain ? this.layouts.blockedImages(node.shape) : undefined;
    return blocked === undefined ? held : this.native(node, node.shape, blocked);
  }

  /** Adds a primitive and returns nothing; `description` is what the library was asked for. */
  addPrimitive(
    kernel: string,
    description: Pointer,
    reads: readonly PrimitiveArgument[],
    writes: readonly PrimitiveArgument[],
  ): void {
    this.add(primitiveStep(this.library, kernel, this.primitive(description), { reads, writes }));
  }

  /** Returns the primitive of a description. The primitive of a kept description is made once. */
  private primitive(description: Pointer): Pointer {
    const known = this.keptDescriptions.get(description);
    if (known !== undefined) return known;
    const primitive = this.library.make("primitive", description);
    this.primitives.push(primitive);
    if (this.keptDescriptions.has(description)) this.keptDescriptions.set(description, primitive);
    return primitive;
  }

  /** Keeps the description of a primitive until `dispose`, because descriptions of gradients refer to it. */
  keepDescription(description: Pointer): void {
    this.keptDescriptions.set(description, undefined);
  }

  /** Returns the sum of tensors of f32 in one layout, element by element in 64 bits. */
  sum(terms: readonly Slot[], layout: Layout): Slot {
    const [first] = terms;
    if (terms.length === 1 && first !== undefined) return first;
    const sum = this.slot(layout, "f32");
    const totals = new Float64Array(layout.bytes / 4);
    const add: Kernel = (...arrays) => {
      totals.fill(0);
      for (const array of arrays.slice(0, -1))
        for (let i = 0; i < totals.length; i++) totals[i] = (totals[i] ?? 0) + (array[i] ?? 0);
      arrays.at(-1)?.set(totals);
    };
    this.addKernel("sum of runs", add, terms, [sum]);
    return sum;
  }

  /** Returns constant memory of `count` ones. */
  ones(count: number): Slot {
    const slot = this.slot({ bytes: 4 * count }, "f32", "kept");
    this.contents.set(slot, new Float32Array(count).fill(1));
    return slot;
  }

  /** Returns a tensor as an argument of a primitive. */
  argument(argument: PrimitiveArgument["argument"], held: Held): PrimitiveArgument {
    return { argument, ...described(held) };
  }

  /** Defines a node by a tensor that has another shape, such as filters with an axis of groups. */
  defineAs(node: Node, shape: Shape, held: Held): void {
    if (shape === node.shape) this.define(node, held);
    else
      this.define(node, {
        slot: this.reorder(described(held), this.layouts.plain(shape, node.dtype)),
        layout: this.plainLayout(node),
      });
  }

  private reorder({ slot: from, description: source }: Described, layout: Layout, dtype = from.dtype): Slot {
    const slot = this.slot(layout, dtype);
    const { description: target } = described({ slot, layout });
    const { engine } = this.library;
    const description = this.library.make("reorder", source, engine, target, engine, null);
    this.addPrimitive(
      "reorder",
      description,
      [{ argument: "source", slot: from, description: source }],
      [{ argument: "result", slot, description: target }],
    );
    this.library.call("destroyPrimitiveDescription", description);
    return slot;
  }

  /** Writes a node to memory: computes it, or for a constant fills its memory. */
  compute(node: Node): void {
    if (this.held.has(node)) return;
    if (node.op === "const") this.fill(node);
    else this.within(node, () => this.lower(this, node));
  }

  private fill(node: Node<"const">): void {
    const data = allocate(node.dtype, elementCount(node.shape));
    if (node.attrs.data.length === 1) data.fill(node.attrs.data[0] ?? 0);
    else data.set(node.attrs.data);
    this.constant(node, data);
  }

  /** Defines a node by its contents. */
  constant(node: Node, data: TypedData): void {
    const layout = this.plainLayout(node);
    const slot = this.slot(layout, node.dtype, "kept");
    this.contents.set(slot, data);
    this.define(node, { slot, layout });
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

  private find(node: Node, fits: (held: Held) => boolean): Held | undefined {
    return this.held.get(node)?.find(fits);
  }

  dispose(): void {
    for (const primitive of this.primitives) this.library.call("destroyPrimitive", primitive);
    for (const description of this.keptDescriptions.keys())
      this.library.call("destroyPrimitiveDescription", description);
    this.layouts.dispose();
  }
}
