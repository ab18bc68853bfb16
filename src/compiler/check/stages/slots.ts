/** Slots as the typed tree keeps them, and the stages that they come from. */
import type { Borrowed, Network, Slot, WeightFile, WeightSpec } from "../../typed/tree.js";
import { type SlotName, slotNames } from "./context.js";

/** Returns a slot for the typed tree, with the file that its weights start from. */
export function storedSlot<T>({ value, from, frozen, span }: Slot<T>, file: WeightFile | undefined): Slot<T> {
  return { value, from, frozen, ...(file === undefined ? {} : { file }), span };
}

/** Returns the ids of the stages whose slots are taken over or whose networks the loss or the metric calls. */
export function neededStages(
  slots: { readonly [K in SlotName]?: Pick<Slot<unknown>, "from"> },
  borrows: readonly Borrowed[],
): string[] {
  const sources = slotNames.flatMap((slot) => slots[slot]?.from?.stage ?? []);
  return [...new Set([...sources, ...borrows.map(({ stage }) => stage)])];
}

/** Returns the outputs of a network for a message: "only `vector` and `map`". */
export function describeOutputs({ outputs }: Network): string {
  const names = Object.keys(outputs).map((name) => `\`${name}\``);
  return names.length === 0 ? "no named output" : `only ${names.join(" and ")}`;
}

type Shaped = Pick<WeightSpec, "path" | "shape">;

/** Returns the first difference between given weights and needed ones, for a message, or undefined if there is none. */
export function weightDifference(given: readonly Shaped[], needed: readonly Shaped[]): string | undefined {
  const shapes = new Map(given.map(({ path, shape }) => [path, shape.join("×")]));
  for (const { path, shape } of needed) {
    const found = shapes.get(path);
    if (found === undefined) return `\`${path}\` is missing`;
    if (found !== shape.join("×")) return `\`${path}\` is ${found}, and ${shape.join("×")} is needed`;
  }
  return given.length > needed.length ? "it has more weights than are needed" : undefined;
}
