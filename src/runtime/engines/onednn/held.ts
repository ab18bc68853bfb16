/** Knows in which layouts each node of a program is in memory, and brings it into others where they are wanted. */
import type { Node, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import { EngineError, type TypedData } from "../engine.js";
import { operand } from "../lowering.js";
import { allocate } from "../tensors.js";
import type { Layout } from "./layouts.js";
import type { Pointer } from "./library.js";
import type { Slot } from "./memory.js";
import { StepList } from "./step-list.js";
import type { PrimitiveArgument } from "./steps.js";

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

export abstract class HeldTensors extends StepList {
  protected readonly held = new Map<Node, Held[]>();
  /** The copies of nodes in bf16. They are apart, so that only the primitives that ask for them read them. */
  private readonly rounded = new Map<Node, Held[]>();

  /** Writes a node that is no constant to memory. */
  protected abstract lowered(node: Node): void;

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

  /** Writes a node to memory: computes it, or for a constant fills its memory. */
  compute(node: Node): void {
    if (this.held.has(node)) return;
    if (node.op === "const") this.fill(node);
    else this.within(node, () => this.lowered(node));
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

  /** Returns a copy in the layout of a description of bf16, with rounded numbers. `native` does so for other descriptions. */
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

  /** Returns the memory of a node with a description of this shape: the node's own, or another one with as many elements. */
  private describedAs(node: Node, shape: Shape): Held {
    const own = shape === node.shape ? this.find(node, ({ layout }) => layout.description !== undefined) : undefined;
    return own ?? { slot: this.plain(node), layout: this.layouts.plain(shape, node.dtype) };
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

  protected find(node: Node, fits: (held: Held) => boolean): Held | undefined {
    return this.held.get(node)?.find(fits);
  }
}
