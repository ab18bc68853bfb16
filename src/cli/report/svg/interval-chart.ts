/** Draws results as dots with the bars of their intervals, one below the other on one axis. */
import { interval, percent, shorten } from "../../view/format.js";
import { type Markup, markup } from "../markup.js";
import { charactersIn, drawing, figureWidth, rounded } from "./drawing.js";
import { linearScale } from "./scale.js";

/** A mean with the half-width of its interval, both fractions. */
export interface IntervalRow {
  readonly name: string;
  readonly mean: number;
  readonly ci95: number;
}

const rowHeight = 38;
const frame = { left: 20, right: figureWidth - 20, top: 6 };

/** Returns the chart, whose axis is in percent and spans the intervals. */
export function intervalChart(label: string, rows: readonly IntervalRow[]): Markup {
  const half = ({ ci95 }: IntervalRow): number => (Number.isFinite(ci95) ? ci95 : 0);
  const scale = linearScale(
    rows.flatMap((row) => [100 * (row.mean - half(row)), 100 * (row.mean + half(row))]),
    { from: frame.left, to: frame.right, ticks: 5 },
  );
  const bottom = frame.top + rows.length * rowHeight;
  const ticks = scale.ticks.map((tick) => {
    const x = rounded(scale.at(tick));
    return markup`<path class="grid" d="M${x} ${frame.top}V${bottom}"/><text class="tick" x="${x}" y="${bottom + 16}" text-anchor="middle">${tick} %</text>`;
  });
  const marks = rows.map((row, i) => {
    const y = frame.top + i * rowHeight;
    const at = (fraction: number): number => rounded(scale.at(100 * fraction));
    const value = interval(row.mean, row.ci95);
    const name = shorten(row.name, charactersIn(frame.right - frame.left) - value.length - 2);
    return markup`<text class="name" x="${frame.left}" y="${y + 14}">${name}</text><text class="value" x="${frame.right}" y="${y + 14}" text-anchor="end">${value}</text><path class="bar" d="M${at(row.mean - half(row))} ${y + 26}H${at(row.mean + half(row))}"/><circle class="dot" cx="${at(row.mean)}" cy="${y + 26}" r="4"><title>${row.name}: ${percent(row.mean)} %</title></circle>`;
  });
  return drawing({ height: bottom + 24, label }, [ticks, marks]);
}
