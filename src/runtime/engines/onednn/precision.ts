/** The numbers that convolutions and products read: f32, or copies of them that are rounded to bf16. Their results are f32. */
import type { Node, Shape } from "../../../compiler/tensor/ir.js";
import { EngineError, type Precision } from "../engine.js";
import type { Builder } from "./builder.js";
import type { Held } from "./held.js";
import type { Pointer } from "./library.js";

export interface Described {
  readonly description: Pointer;
  readonly precision: Precision;
}

/** The implementation of oneDNN that has no fast kernel. */
const slow = "ref";

/**
 * Describes a primitive in the precision of the program. If the library has no fast kernel that reads bf16 for it, such as for groups of a
 * few channels, it reads f32. Returns undefined if there is none for f32 either.
 */
export function tryDescribe(
  b: Builder,
  describe: (precision: Precision) => Pointer | undefined,
): Described | undefined {
  if (b.precision === "bf16") {
    const description = describe("bf16");
    if (description !== undefined && !b.library.isImplementedBy(description, slow))
      return { description, precision: "bf16" };
    if (description !== undefined) b.library.call("destroyPrimitiveDescription", description);
  }
  const description = describe("f32");
  return description === undefined ? undefined : { description, precision: "f32" };
}

/** Returns the description that `tryDescribe` finds. @throws EngineError if the library has no such primitive. */
export function describe(b: Builder, what: string, make: (precision: Precision) => Pointer | undefined): Described {
  const described = tryDescribe(b, make);
  if (described === undefined) throw new EngineError("unsupported-op", `oneDNN has no ${what} for these tensors`);
  return described;
}

/** Returns an operand of a primitive in the layout that its description has chosen. */
export function operandIn(b: Builder, precision: Precision, node: Node, shape: Shape, chosen: Pointer): Held {
  return precision === "bf16" ? b.round(node, shape, chosen) : b.native(node, shape, chosen);
}
