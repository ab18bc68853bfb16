/** Collects the steps of a program, the memory that they use, and the primitives that belong to them. */
import type { Node } from "../../../compiler/tensor/ir.js";
import type { TypedData } from "../engine.js";
import { type Layout, Layouts } from "./layouts.js";
import type { Library, Pointer } from "./library.js";
import type { Kernel } from "./loops/source.js";
import type { Slot } from "./memory.js";
import { kernelStep, type PrimitiveArgument, primitiveStep, type Step } from "./steps.js";

export class StepList {
  readonly slots: Slot[] = [];
  readonly steps: Step[] = [];
  /** The steps that depend on constants only. They run once. */
  readonly setup: Step[] = [];
  /** The contents of constants. */
  readonly contents = new Map<Slot, TypedData>();
  readonly layouts: Layouts;
  private readonly primitives: Pointer[] = [];
  private readonly keptDescriptions = new Map<Pointer, Pointer | undefined>();
  /** The slots that several steps write. They count as no constants, because one of the steps may have operands. */
  protected readonly inParts = new Set<Slot>();
  /** The node whose rule adds steps now. */
  private current: Node | undefined;

  constructor(readonly library: Library) {
    this.layouts = new Layouts(library);
  }

  slot(layout: Pick<Layout, "bytes">, dtype: Slot["dtype"], place: Slot["place"] = "arena"): Slot {
    const slot: Slot = { id: this.slots.length, bytes: layout.bytes, dtype, place };
    this.slots.push(slot);
    return slot;
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

  dispose(): void {
    for (const primitive of this.primitives) this.library.call("destroyPrimitive", primitive);
    for (const description of this.keptDescriptions.keys())
      this.library.call("destroyPrimitiveDescription", description);
    this.layouts.dispose();
  }
}
