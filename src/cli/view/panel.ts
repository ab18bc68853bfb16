/**
 * Lays out the panel of a stage that trains: its numbers, and the curves of loss, accuracy and validation. A wide screen has the three
 * curves side by side, and a narrower one has loss and accuracy one above the other. Everything here is pure.
 */
import { count, duration, interval, percent, rate } from "./format.js";
import { justify, type Line, padLine, padText, segment, type Tone, truncate } from "./line.js";
import { type StageState, secondsLeft, type Training } from "./model.js";
import { type Chart, chart, widened } from "./series.js";

/** A form of the panel, and the rows that it takes on the screen. */
interface PanelForm {
  /** The rows beside those of the curves, with the blank line above the panel. */
  readonly fixed: number;
  /** The number of curves that stand one above the other. */
  readonly stacked: number;
  readonly mostRows: (height: number) => number;
  readonly draw: (stage: StageState, training: Training, width: number, chartRows: number) => Line[];
}

/** Returns the form of the panels on a screen of this width. */
export function panelForm(width: number): PanelForm {
  return width >= 150 ? sideBySide : stacked;
}

const stacked: PanelForm = {
  fixed: 3,
  stacked: 2,
  mostRows: (height) => (height >= 44 ? 6 : 3),
  draw(stage, t, width, chartRows) {
    const curves = trainingCurves(t);
    return [
      title(stage, t, width),
      ...curves.flatMap((curve) => labelledCurve(curve, width, chartRows)),
      truncate(validationLine(stage), width),
    ];
  },
};

const sideBySide: PanelForm = {
  fixed: 5,
  stacked: 1,
  mostRows: () => 12,
  draw(stage, t, width, chartRows) {
    const gap = 3;
    const room = Math.floor((width - 2 * gap) / 3);
    const blocks = [...trainingCurves(t), validationCurve(stage)].map((curve) => curveBlock(curve, room, chartRows));
    const rows = Array.from({ length: chartRows + 2 }, (_, row) =>
      blocks.flatMap((block, i) => [
        ...padLine(block[row] ?? [], room),
        segment(" ".repeat(i < blocks.length - 1 ? gap : 0)),
      ]),
    );
    return [title(stage, t, width), ...rows, truncate(validationLine(stage), width)];
  },
};

/** A curve with its name, its current value, and the numbers at its axes. */
interface Curve {
  readonly name: string;
  readonly value: string;
  readonly tone: Tone;
  readonly draw: (width: number, height: number) => Chart;
  readonly format: (value: number) => string;
  readonly from: string;
  readonly to: string;
}

function trainingCurves(t: Training): readonly Curve[] {
  const range = { from: count(t.first.step), to: `step ${count(t.step)}` };
  return [
    {
      name: "loss",
      value: t.loss.toPrecision(4),
      tone: "accent",
      draw: (width, height) => chart(t.lossCurve, width, height),
      format: (value) => value.toPrecision(3),
      ...range,
    },
    {
      name: "accuracy",
      value: t.accuracy === undefined ? "–" : `${percent(t.accuracy, 1)} %`,
      tone: "good",
      draw: (width, height) => chart(t.accuracyCurve, width, height),
      format: (value) => `${percent(value, 1)} %`,
      ...range,
    },
  ];
}

function validationCurve({ validation, validations }: StageState): Curve {
  return {
    name: "validation",
    value: validation === undefined ? "none yet" : `${percent(validation.accuracy, 1)} %`,
    tone: "active",
    // There are few validations, so each is drawn several columns wide.
    draw: (width, height) => chart(widened(validations.curve, width, 8), width, height),
    format: (value) => `${percent(value, 1)} %`,
    from: count(validations.firstEpoch),
    to: `epoch ${count(validation?.epoch ?? 0)}`,
  };
}

function title(stage: StageState, t: Training, width: number): Line {
  const left = secondsLeft(t);
  return justify(
    [
      segment(stage.outline.name, "strong"),
      segment(`  epoch ${count(t.epoch)} · step ${count(t.step)} of ${count(t.steps)}`),
      segment(width >= 50 ? ` · ${rate(t.itemsPerSecond)} ${t.unit}/s` : ""),
    ],
    [
      segment(width >= 90 ? `lr ${t.lr.toPrecision(3)}` : "", "dim"),
      segment(width >= 90 && left !== undefined ? " · " : "", "dim"),
      segment(left === undefined ? "" : `ETA ${duration(left)}`),
    ],
    width,
  );
}

const nameWidth = 12;
const labelWidth = 22;
/** The columns of an axis: a number and the line. */
const axisWidth = 9;

/** Returns a curve with its name and value on the left of its last row, and with an axis if there is room for one. */
function labelledCurve({ name, value, tone, draw, format }: Curve, width: number, chartRows: number): Line[] {
  const hasAxis = width >= 100 && chartRows > 1;
  const drawn = draw(Math.max(8, width - labelWidth - (hasAxis ? axisWidth : 0)), chartRows);
  return drawn.rows.map((row, i) => [
    segment(padText(i === chartRows - 1 ? padText(name, nameWidth) + value : "", labelWidth)),
    ...(hasAxis ? axis(drawn, i, format) : []),
    segment(row, tone),
  ]);
}

/** Returns a curve below its name and value, with both axes. */
function curveBlock({ name, value, tone, draw, format, from, to }: Curve, width: number, chartRows: number): Line[] {
  const drawn = draw(width - axisWidth, chartRows);
  const columns = [...(drawn.rows.at(-1) ?? "")].length;
  const gap = columns - from.length - to.length;
  const below = columns === 0 ? "" : gap < 1 ? to : `${from}${" ".repeat(gap)}${to}`;
  return [
    [segment(`${name} `), segment(value, "strong")],
    ...drawn.rows.map((row, i) => [...axis(drawn, i, format), segment(row, tone)]),
    [segment(" ".repeat(axisWidth)), segment(below, "dim")],
  ];
}

/** Returns the axis beside a row of a chart: the highest value at the top, and the lowest at the bottom. */
function axis({ rows, low, high }: Chart, row: number, format: (value: number) => string): Line {
  const value = row === 0 ? high : row === rows.length - 1 ? low : undefined;
  const number = value === undefined ? "" : format(value);
  return [segment(`${number.padStart(axisWidth - 2)} ${number === "" ? "│" : "┤"}`, "dim")];
}

function validationLine({ validation, best }: StageState): Line {
  const name = segment(padText("validation", nameWidth));
  if (validation === undefined) return [name, segment("none yet", "dim")];
  const isBest = best?.epoch === validation.epoch;
  return [
    name,
    segment(padText(interval(validation.accuracy, validation.ci95), labelWidth - nameWidth), "strong"),
    segment(` epoch ${validation.epoch}`, "dim"),
    ...(isBest
      ? [segment("  ★ best so far", "good")]
      : best !== undefined
        ? [
            segment("  ★ best ", "dim"),
            segment(`${interval(best.accuracy, best.ci95)}`),
            segment(` epoch ${best.epoch}`, "dim"),
          ]
        : []),
  ];
}
