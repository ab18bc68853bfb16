/** Layers and sizes as messages write them. */
import type * as ast from "../../../../grammar/ast.js";
import type { Axis } from "../../typed/tree.js";

/** A layer that has been built, and the axes of its value. */
export interface BuiltCall {
  readonly item: ast.CallLayer;
  readonly output: readonly Axis[];
}

/** Returns the sizes of a value: `64×10×10`. */
export function sizesText(axes: readonly Axis[]): string {
  return axes.map((axis) => axis.size).join("×");
}

/** Returns a layer with its plain arguments as they were written: `conv(3, 64)`. */
export function callText(item: ast.CallLayer): string {
  const args = item.args.map(({ name, value }) => {
    const text =
      value.kind === "number" || value.kind === "bool" ? String(value.value) : value.kind === "ref" ? value.text : "…";
    return name === undefined ? text : `${name.text}: ${text}`;
  });
  return args.length === 0 ? item.callee.text : `${item.callee.text}(${args.join(", ")})`;
}

/** Returns a table of the sizes from the image on, one line for each layer that has been built. */
export function sizeTable(image: readonly Axis[], built: readonly BuiltCall[]): string {
  const line = (what: string, axes: readonly Axis[]): string => `\n  ${what.padEnd(24)} ${sizesText(axes)}`;
  const lines = built.map(({ item, output }) => line(callText(item), output)).join("");
  return `sizes so far (channels×height×width):${line("image", image)}${lines}`;
}
