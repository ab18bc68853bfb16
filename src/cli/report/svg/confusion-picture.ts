/** Draws a confusion matrix as a picture: the darker a cell, the larger its share of the queries of its row. */
import { count, percent, shorten } from "../../view/format.js";
import { type Markup, markup } from "../markup.js";
import { charactersIn, drawing, figureWidth, rounded } from "./drawing.js";

/** A matrix of counts. `cells` holds [class of the query, predicted class, count]; counts of 0 are left out. */
export interface Confusion {
  readonly classes: readonly string[];
  readonly cells: readonly (readonly [number, number, number])[];
}

/** The most classes whose names fit beside the rows and columns. */
const namedClasses = 24;
/** The most cells that say their numbers on a pointer's touch. More would make the file large and the cells too small to hit. */
const titledCells = 2500;

/** Returns the picture. Rows are the classes of the queries; columns are the classes that they were taken for. */
export function confusionPicture(label: string, { classes, cells }: Confusion): Markup {
  const named = classes.length <= namedClasses;
  const left = named ? 104 : 22;
  const size = (figureWidth - left - 6) / Math.max(1, classes.length);
  const top = named ? 104 : 22;
  const totals = new Map<number, number>();
  for (const [truth, , n] of cells) totals.set(truth, (totals.get(truth) ?? 0) + n);
  const marks = cells.map(([truth, taken, n]) => {
    const share = n / (totals.get(truth) ?? n);
    const text = `${classes[truth]} taken for ${classes[taken]}: ${count(n)} (${percent(share, 1)} %)`;
    const title = cells.length <= titledCells ? markup`<title>${text}</title>` : undefined;
    const [x, y] = [rounded(left + taken * size), rounded(top + truth * size)];
    return markup`<rect class="${truth === taken ? "right" : "wrong"}" x="${x}" y="${y}" width="${rounded(size)}" height="${rounded(size)}" fill-opacity="${opacityOf(share)}">${title}</rect>`;
  });
  const side = rounded(size * classes.length);
  return drawing({ height: top + side + 6, label }, [
    marks,
    markup`<rect class="frame" x="${left}" y="${top}" width="${side}" height="${side}"/>`,
    named ? names(classes, { left, top, size }) : axisNames,
  ]);
}

/** Rare mistakes stay visible, because the opacity grows with the root of the share. */
const opacityOf = (share: number): number => Math.round(100 * Math.sqrt(share)) / 100;

interface Place {
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

function names(classes: readonly string[], { left, top, size }: Place): readonly Markup[] {
  return classes.map((name, i) => {
    const middle = rounded(i * size + size / 2 + 4);
    const text = shorten(name, charactersIn(left - 10));
    return markup`<text class="name" x="${left - 6}" y="${top + middle}" text-anchor="end">${text}</text><text class="name" transform="translate(${left + middle} ${top - 6}) rotate(-90)">${text}</text>`;
  });
}

const axisNames = markup`<text class="axis" x="${figureWidth - 6}" y="14" text-anchor="end">taken for →</text><text class="axis" transform="translate(14 ${figureWidth - 12}) rotate(-90)">class of the query →</text>`;
