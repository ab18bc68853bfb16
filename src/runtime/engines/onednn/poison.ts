/**
 * Keeps NaNs alive. The ReLUs and max pools of oneDNN drop them, which would hide that a network has diverged. Small tensors that
 * are NaN whenever a large one holds a NaN (statistics of a norm, a sum over the filters of a convolution) are looked at instead of
 * the large one, which is then filled with NaN.
 */
import type { Node } from "../../../compiler/tensor/ir.js";
import type { Builder } from "./builder.js";
import type { Held } from "./held.js";
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

/** The ops whose result is NaN as a whole if their first operand is. */
const passing: ReadonlySet<string> = new Set(["relu", "leaky_relu", "reshape", "stop_gradient"]);

/** Returns the small tensors that tell of a node, or undefined if nobody has guarded it. */
function signsOf(b: Builder, node: Node): readonly Slot[] | undefined {
  const signs = b.shared.made<readonly Slot[]>(node, "signs of NaN");
  const [x] = node.inputs;
  return signs ?? (passing.has(node.op) && x !== undefined ? signsOf(b, x) : undefined);
}

/** Guards the max pool of a node as the node is guarded. If it is not, the node itself is looked at. */
export function guardPool(b: Builder, node: Node, result: Held, x: Node, source: Held): void {
  guard(b, node, result, signsOf(b, x) ?? [signOfImages(b, x, source)]);
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
 * Returns memory that is NaN if one of the images in `held`, where the node is, holds a NaN. What is guarded is NaN as a whole, so that
 * its first image tells of all.
 */
export function signOfImages(b: Builder, node: Node, { slot }: Held): Slot {
  const sign = b.slot({ bytes: 4 }, "f32");
  const parts = signsOf(b, node) === undefined ? 1 : (node.shape[0] ?? 1);
  b.addKernel(
    "NaN check of images",
    (x, result) => {
      const looked = x?.subarray(0, x.length / parts) as Float32Array;
      result?.fill(looked.includes(Number.NaN) ? Number.NaN : 0);
    },
    [slot],
    [sign],
  );
  return sign;
}
