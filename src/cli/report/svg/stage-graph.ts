/** Draws the stages of a run, each below the stage that it needs, with the time that it took. */
import { duration, shorten } from "../../view/format.js";
import { type Markup, markup } from "../markup.js";
import { charactersIn, drawing, figureWidth, rounded } from "./drawing.js";

export interface DrawnStage {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  /** The lines to its left, as the live screen draws them: `│ └ `. */
  readonly rails: string;
  readonly outcome: "run" | "stored" | "failed" | "unfinished";
  readonly seconds: number | undefined;
}

const rowHeight = 40;
const indent = 16;
const timeBars = { from: figureWidth - 84, to: figureWidth - 6 };

const outcomeText = {
  run: ({ seconds }) => duration(seconds ?? 0),
  stored: () => "from the store",
  failed: () => "failed",
  unfinished: () => "unfinished",
} as const satisfies Record<DrawnStage["outcome"], (stage: DrawnStage) => string>;

/** Returns the graph. The bar of a stage shows its share of the longest time. */
export function stageGraph(label: string, stages: readonly DrawnStage[]): Markup {
  const longest = Math.max(...stages.map(({ seconds }) => seconds ?? 0), 1e-9);
  const marks = stages.map((stage, i) => {
    const y = i * rowHeight;
    const x = 10 + (stage.rails.length / 2) * indent;
    const width = rounded(((timeBars.to - timeBars.from) * (stage.seconds ?? 0)) / longest);
    const bar =
      stage.seconds === undefined
        ? undefined
        : markup`<rect class="track" x="${timeBars.from}" y="${y + 24}" width="${timeBars.to - timeBars.from}" height="6"/><rect class="fill" x="${timeBars.from}" y="${y + 24}" width="${width}" height="6"/>`;
    const room = charactersIn(timeBars.from - x - 14);
    return markup`${rails(stage.rails, y)}<circle class="stage ${stage.outcome}" cx="${x}" cy="${y + 14}" r="5"/><text class="name" x="${x + 12}" y="${y + 18}">${shorten(stage.name, room)}<title>${stage.id}</title></text><text class="tick" x="${x + 12}" y="${y + 32}">${stage.kind}</text><text class="value" x="${timeBars.to}" y="${y + 18}" text-anchor="end">${outcomeText[stage.outcome](stage)}</text>${bar}`;
  });
  return drawing({ height: stages.length * rowHeight + 4, label }, marks);
}

/** Draws the lines that the characters of a row of the live screen stand for. Two characters are one step to the right. */
function rails(text: string, y: number): readonly Markup[] {
  // The line begins at the stage above, whose circle ends 20 above this row, and ends where the line of the next row begins.
  const [middle, next] = [y + 14, y + rowHeight - 20];
  return [...text].flatMap((character, i) => {
    if (i % 2 === 1 || character === " ") return [];
    const x = 10 + (i / 2) * indent;
    const right = character === "│" ? "" : `M${x} ${middle}h${indent - 5}`;
    return [markup`<path class="rail" d="M${x} ${y - 20}V${character === "└" ? middle : next}${right}"/>`];
  });
}
