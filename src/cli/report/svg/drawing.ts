/** Defines what all figures share: their width, their frame, and short texts in them. */
import { type Markup, markup, type Piece } from "../markup.js";

/**
 * The width of every figure, in pixels at its natural size. A phone shows it without shrinking its text, and wide pages show several
 * figures side by side.
 */
export const figureWidth = 360;

export interface DrawingOptions {
  readonly height: number;
  /** A sentence for people who do not see the figure. */
  readonly label: string;
}

/** Returns an SVG with the marks in it. Colors are in the style sheet around it, by the classes of the marks. */
export function drawing({ height, label }: DrawingOptions, marks: Piece): Markup {
  return markup`<svg class="figure" viewBox="0 0 ${figureWidth} ${rounded(height)}" role="img" aria-label="${label}">${marks}</svg>`;
}

/** Rounds a coordinate, because tenths of a pixel are enough and short numbers keep the file small. */
export function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The width of a character of a text in a figure, on average. */
const characterWidth = 6.3;

/** Returns how many characters of a text fit into a width. */
export function charactersIn(width: number): number {
  return Math.max(1, Math.floor(width / characterWidth));
}
