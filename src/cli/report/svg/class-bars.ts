/** Draws the accuracy of each class as a bar. */
import { percent, shorten } from "../../view/format.js";
import { type Markup, markup } from "../markup.js";
import { charactersIn, drawing, figureWidth, rounded } from "./drawing.js";

export interface ClassRow {
  readonly name: string;
  /** A fraction. */
  readonly accuracy: number;
}

const rowHeight = 20;
const bars = { from: 136, to: figureWidth - 56 };

/** Returns one bar for each class, in the given order. A full bar is an accuracy of 100 %. */
export function classBars(label: string, rows: readonly ClassRow[]): Markup {
  const marks = rows.map(({ name, accuracy }, i) => {
    const y = i * rowHeight;
    const width = rounded((bars.to - bars.from) * (Number.isFinite(accuracy) ? accuracy : 0));
    return markup`<text class="name" x="${bars.from - 8}" y="${y + 14}" text-anchor="end">${shorten(name, charactersIn(bars.from - 12))}<title>${name}</title></text><rect class="track" x="${bars.from}" y="${y + 4}" width="${bars.to - bars.from}" height="12"/><rect class="fill" x="${bars.from}" y="${y + 4}" width="${width}" height="12"/><text class="value" x="${figureWidth - 4}" y="${y + 14}" text-anchor="end">${percent(accuracy, 1)} %</text>`;
  });
  return drawing({ height: rows.length * rowHeight + 4, label }, marks);
}
