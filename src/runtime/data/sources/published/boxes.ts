/** Boxes around objects, in the notations of published lists. */
import { readFileSync } from "node:fs";
import type { Box } from "../../box.js";

/** Returns the box between two corners that count from 1 and belong to it, or undefined if it has no area. */
export function boxBetween(left: number, top: number, right: number, bottom: number): Box | undefined {
  return boxOf(left - 1, top - 1, right - left + 1, bottom - top + 1);
}

/** Returns the box at a corner that counts from 0, or undefined if it has no area. */
export function boxOf(left: number, top: number, width: number, height: number): Box | undefined {
  return left >= 0 && top >= 0 && width > 0 && height > 0 ? { left, top, width, height } : undefined;
}

/** Returns the box in the text of a list, `LEFT TOP RIGHT BOTTOM`, as `boxBetween` does. */
export function boxBetweenText(text: string): Box | undefined {
  const [left = Number.NaN, top = Number.NaN, right = Number.NaN, bottom = Number.NaN] = text.split(/\s+/).map(Number);
  return boxBetween(left, top, right, bottom);
}

/** Returns the box in the text of a list, `LEFT TOP WIDTH HEIGHT`, as `boxOf` does. */
export function boxOfText(text: string): Box | undefined {
  const [left = Number.NaN, top = Number.NaN, width = Number.NaN, height = Number.NaN] = text.split(/\s+/).map(Number);
  return boxOf(left, top, width, height);
}

/** Returns the box of the first object in an annotation of PASCAL VOC (XML), or undefined if it has none. */
export function vocBox(file: string): Box | undefined {
  const text = readFileSync(file, "utf8");
  const corner = (name: string): number => Number(new RegExp(`<${name}>\\s*([\\d.]+)\\s*</${name}>`).exec(text)?.[1]);
  return boxBetween(corner("xmin"), corner("ymin"), corner("xmax"), corner("ymax"));
}
