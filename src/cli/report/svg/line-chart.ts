/** Draws curves over the steps of a training, and validations with their intervals. */
import { type Markup, markup } from "../markup.js";
import { drawing, figureWidth, rounded } from "./drawing.js";
import { linearScale, type Scale, tickText } from "./scale.js";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A value with the half-width of its interval. The best one is marked. */
export interface Dot extends Point {
  readonly interval: number;
  readonly best: boolean;
}

export interface LineChart {
  readonly label: string;
  /** The name of the axis at the bottom. */
  readonly x: string;
  /** A note above the chart. */
  readonly note: string;
  readonly line: readonly Point[];
  readonly dots: readonly Dot[];
}

const height = 220;
const frame = { left: 46, right: figureWidth - 12, top: 20, bottom: height - 36 };

/** Returns the chart. Values that are not numbers are left out. */
export function lineChart({ label, x, note, line, dots }: LineChart): Markup {
  const shown = line.filter((point) => Number.isFinite(point.y));
  const ends = dots.flatMap((dot) => [dot.y - intervalOf(dot), dot.y + intervalOf(dot)]);
  const across = linearScale(
    [...shown, ...dots].map((point) => point.x),
    { from: frame.left, to: frame.right, ticks: 5, round: false },
  );
  const up = linearScale([...shown.map((point) => point.y), ...ends], { from: frame.bottom, to: frame.top, ticks: 5 });
  const path = shown.map((point, i) => `${i === 0 ? "M" : "L"}${place(across, up, point)}`).join("");
  return drawing({ height, label }, [
    axes(across, up, { x, note }),
    path === "" ? undefined : markup`<path class="curve" d="${path}"/>`,
    dots.map((dot) => dotMark(across, up, dot)),
  ]);
}

const place = (across: Scale, up: Scale, { x, y }: Point): string => `${rounded(across.at(x))} ${rounded(up.at(y))}`;
const intervalOf = ({ interval }: Dot): number => (Number.isFinite(interval) ? interval : 0);

function axes(across: Scale, up: Scale, names: Pick<LineChart, "x" | "note">): Markup {
  const rows = up.ticks.map((tick) => {
    const y = rounded(up.at(tick));
    return markup`<path class="grid" d="M${frame.left} ${y}H${frame.right}"/><text class="tick" x="${frame.left - 6}" y="${y + 4}" text-anchor="end">${tickText(tick)}</text>`;
  });
  const columns = across.ticks.map(
    (tick) =>
      markup`<text class="tick" x="${rounded(across.at(tick))}" y="${frame.bottom + 16}" text-anchor="middle">${tickText(tick)}</text>`,
  );
  return markup`${rows}${columns}<text class="axis" x="4" y="12">${names.note}</text><text class="axis" x="${frame.right}" y="${height - 4}" text-anchor="end">${names.x}</text>`;
}

function dotMark(across: Scale, up: Scale, dot: Dot): Markup {
  const [x, y, half] = [rounded(across.at(dot.x)), rounded(up.at(dot.y)), intervalOf(dot)];
  const bar = `M${x} ${rounded(up.at(dot.y - half))}V${rounded(up.at(dot.y + half))}`;
  const ring = dot.best ? markup`<circle class="best" cx="${x}" cy="${y}" r="7"/>` : undefined;
  return markup`<path class="bar" d="${bar}"/><circle class="dot" cx="${x}" cy="${y}" r="3.5"/>${ring}`;
}
