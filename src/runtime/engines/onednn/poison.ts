/**
 * Keeps NaNs alive. The ReLUs and max pools of oneDNN drop them, which would hide that a network has diverged. Small tensors that
 * are NaN whenever a large one holds a NaN (statistics of a norm, a sum over the filters of a convolution) are looked at instead of
 * the large one, which is then filled with NaN.
 */
import type { Node } from "../../../compiler/tensor/ir.js";
import type { Builder, Held } from "./builder.js";
import type { Slot } from "./memory.js";

/** Remembers the small tensors that tell of a node, and adds the step that fills the node. */
export function guard(b: Builder, node: Node, result: Held, signs: readonly Slot[]): void {
  b.shared.once(node, "signs of NaN", () => signs);
  b.addKernel(
    "NaN check",
    (...arrays) => {
      const large = arrays.at(-1);
      for (const sign of arrays.slice(0, signs.length))
        for (let i = 0; i < sign.length; i++)
          if (Number.isNaN(sign[i])) {
            large?.fill(Number.NaN);
            return;
          }
    },
    [...signs, result.slot],
    [result.slot],
  );
}

/** Guards a node as its operand is guarded, if it is. */
export function guardLike(b: Builder, node: Node, result: Held, x: Node): void {
  const signs = b.shared.made<readonly Slot[]>(x, "signs of NaN");
  if (signs !== undefined) guard(b, node, result, signs);
}

/** Returns memory that is NaN if an element of one of the nodes is not finite. */
export function signOf(b: Builder, nodes: readonly Node[]): Slot {
  const sign = b.slot({ bytes: 4 }, "f32");
  b.addKernel(
    "sum of filters",
    (...arrays) => {
      let sum = 0;
      for (const array of arrays.slice(0, -1)) for (let i = 0; i < array.length; i++) sum += (array[i] ?? 0) * 0;
      arrays.at(-1)?.fill(sum);
    },
    nodes.map((node) => b.plain(node)),
    [sign],
  );
  return sign;
}

/**
 * Returns memory that is NaN if the first of these images holds a NaN. A weight that is NaN spoils a channel of every image, and what
 * is guarded is NaN as a whole, so the other images need not be looked at.
 */
export function signOfImages(b: Builder, { slot }: Held, images: number): Slot {
  const sign = b.slot({ bytes: 4 }, "f32");
  b.addKernel(
    "NaN check of an image",
    (x, result) => {
      const length = (x?.length ?? 0) / images;
      let found = 0;
      for (let i = 0; i < length; i++) if (Number.isNaN(x?.[i])) found = Number.NaN;
      result?.fill(found);
    },
    [slot],
    [sign],
  );
  return sign;
}
