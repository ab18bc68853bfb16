/** The context that the sections of a printed plan share: the widths, the colors, and the networks printed so far. */
import type { ChalkInstance } from "chalk";
import { padText } from "../../view/line.js";
import { wrap } from "../wrap.js";

export interface PrintContext {
  readonly width: number;
  readonly tableWidth: number;
  readonly paint: ChalkInstance;
  /** The networks that were printed already: their layers, and the name of the stage that has them. */
  readonly seen: Map<string, string>;
}

/** Formats `  word       text` with the text wrapped beside the word. */
export function fact(word: string, text: string, { width, paint }: PrintContext): string[] {
  const indent = 14;
  return wrap(text, width - indent).map((line, i) => paint.dim(padText(i === 0 ? `  ${word}` : "", indent)) + line);
}
