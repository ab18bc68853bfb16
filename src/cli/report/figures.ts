/** Makes the figures of a report from its data. Each is an SVG with the numbers that it shows. */
import { columnTexts, headText, type PrintedTable } from "../print/result-table/cells.js";
import { interval, percent, plural } from "../view/format.js";
import { graphRows } from "../view/graph.js";
import type { Counts, ReportData, ReportResult, ReportStage, ReportTraining } from "./data.js";
import type { Markup } from "./markup.js";
import { classBars } from "./svg/class-bars.js";
import { confusionPicture } from "./svg/confusion-picture.js";
import { intervalChart } from "./svg/interval-chart.js";
import { lineChart } from "./svg/line-chart.js";
import { stageGraph } from "./svg/stage-graph.js";

/** The numbers of a figure, as plain values: fractions, steps, names. */
export interface FigureData {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Figure {
  /** The name of its files, without an extension. */
  readonly name: string;
  readonly title: string;
  readonly svg: Markup;
  readonly data: FigureData;
}

/** The figures of a report by its sections; those of trainings by the training, in the order of the data. */
export interface Figures {
  readonly results: readonly Figure[];
  readonly sweep: readonly Figure[];
  readonly stages: readonly Figure[];
  readonly trainings: readonly (readonly Figure[])[];
  readonly perClass: readonly Figure[];
  readonly confusions: readonly Figure[];
}

export function makeFigures(data: ReportData): Figures {
  const metrics = [...new Set(data.results.map(({ metric }) => metric))];
  return {
    // The results of a sweep have a figure of their own, with fewer rows.
    results: data.sweep.length > 0 ? [] : metrics.map((metric) => resultsFigure(metric, data.results)),
    sweep: data.sweep.flatMap(sweepFigures),
    stages: data.stages.length === 0 ? [] : [stagesFigure(data.stages)],
    trainings: data.trainings.map(trainingFigures),
    perClass: data.perClass.map(perClassFigure),
    confusions: data.confusions.map(confusionFigure),
  };
}

/** Returns the name of a row of an evaluation: the stage, with the row if it has several. */
export const rowName = ({ stage, row = "" }: { readonly stage: string; readonly row?: string }): string =>
  row === "" ? stage : `${stage} (${row})`;

function resultsFigure(metric: string, results: readonly ReportResult[]): Figure {
  const own = results.filter((result) => result.metric === metric);
  const label = `${metric} with 95% intervals: ${own.map((one) => `${rowName(one)} ${interval(one.mean, one.ci95)}`).join(", ")}`;
  return {
    name: `results-${metric}`,
    title: `${metric}, with 95% intervals`,
    svg: intervalChart(
      label,
      own.map((one) => ({ ...one, name: rowName(one) })),
    ),
    data: {
      columns: ["stage", "row", "metric", "mean", "ci95", "episodes", "protocol"],
      rows: own.map((one) => [
        one.stage,
        one.row ?? "",
        one.metric,
        one.mean,
        one.ci95,
        one.episodes,
        one.protocol ?? "",
      ]),
    },
  };
}

/** Returns a figure for each column of the table, because the results of a column can be ranked. */
function sweepFigures(table: PrintedTable): Figure[] {
  const { metric, rows: names, rowHeads, cells } = table;
  return columnTexts(table).map((column, at) => {
    const rows = rowHeads.flatMap((head, i) => {
      const cell = cells[i]?.[at];
      if (cell === undefined) return [];
      const name = names.map((label) => headText(label, head, table)).join(", ");
      return [{ name, mean: cell.mean, ci95: cell.ci95 ?? Number.NaN, values: cell.values }];
    });
    const title = column === metric ? metric : `${metric}, ${column}`;
    return {
      name: `sweep-${title}`,
      title,
      svg: intervalChart(
        `${title}: ${rows.map((row) => `${row.name} ${interval(row.mean, row.ci95)}`).join(", ")}`,
        rows,
      ),
      data: {
        columns: [names.join(", "), "mean", "ci95", "values"],
        rows: rows.map((row) => [row.name, row.mean, row.ci95, row.values.length]),
      },
    };
  });
}

function stagesFigure(stages: readonly ReportStage[]): Figure {
  const rows = graphRows(stages).map(({ stage, name, rails, alsoNeeds }) => ({
    id: stage.outline.id,
    name,
    kind: [stage.outline.kind, ...alsoNeeds.map((need) => `+ ${need}`)].join(" "),
    rails,
    outcome: stage.outcome,
    seconds: stage.seconds,
  }));
  const computed = stages.filter(({ outcome }) => outcome === "run").length;
  return {
    name: "stages",
    title: "Stages and their times",
    svg: stageGraph(`${plural(stages.length, "stage")}, ${computed} computed in this run`, rows),
    data: {
      columns: ["stage", "kind", "needs", "outcome", "seconds", "key"],
      rows: stages.map(({ outline, outcome, seconds, key }) => [
        outline.id,
        outline.kind,
        outline.needs.join(" "),
        outcome,
        seconds ?? "",
        key ?? "",
      ]),
    },
  };
}

/** The curves of a training: how each is called, its value at a point, and the factor by which the figure shows it. */
const curveKinds = [
  { name: "loss", title: "loss", times: 1, valueOf: (point) => point.loss },
  { name: "accuracy", title: "accuracy in training, in %", times: 100, valueOf: (point) => point.accuracy },
  { name: "rate", title: "learning rate", times: 1, valueOf: (point) => point.lr },
] as const satisfies readonly {
  readonly name: string;
  readonly title: string;
  readonly times: number;
  readonly valueOf: (point: ReportTraining["curve"][number]) => number;
}[];

function trainingFigures({ stage, curve, history }: ReportTraining): Figure[] {
  const curves = curveKinds.flatMap(({ name, title, times, valueOf }): Figure[] => {
    const points = curve.filter((point) => Number.isFinite(valueOf(point)));
    const line = points.map((point) => ({ x: point.step, y: times * valueOf(point) }));
    const [first, last] = [line[0], line.at(-1)];
    if (first === undefined || last === undefined) return [];
    const label = `${title} of ${stage}: from ${shortNumber(first.y)} at step ${first.x} to ${shortNumber(last.y)} at step ${last.x}`;
    return [
      {
        name: `training-${stage}-${name}`,
        title,
        svg: lineChart({ label, x: "step", note: "", line, dots: [] }),
        data: { columns: ["step", name], rows: points.map((point) => [point.step, valueOf(point)]) },
      },
    ];
  });
  return [...curves, ...validationFigure(stage, history)];
}

function validationFigure(stage: string, history: ReportTraining["history"]): Figure[] {
  const best = history.findLast((one) => one.best);
  if (history.length === 0) return [];
  const dots = history.map((one) => ({
    x: one.step,
    y: 100 * one.accuracy,
    interval: 100 * one.ci95,
    best: one === best,
  }));
  const bestText = best === undefined ? "" : `, the best ${interval(best.accuracy, best.ci95)} in epoch ${best.epoch}`;
  return [
    {
      name: `training-${stage}-validation`,
      title: "accuracy in validation, in %",
      svg: lineChart({
        label: `accuracy of ${stage} in ${plural(history.length, "validation")}${bestText}`,
        x: "step",
        note: "the best is in a ring",
        line: dots,
        dots,
      }),
      data: {
        columns: ["step", "epoch", "accuracy", "ci95", "episodes", "best"],
        rows: history.map((one) => [
          one.step,
          one.epoch,
          one.accuracy,
          one.ci95,
          one.episodes,
          one === best ? "best" : "",
        ]),
      },
    },
  ];
}

const shortNumber = (value: number): string => `${Number(value.toPrecision(3))}`;

/** The most classes whose bars are drawn. Of more, the figure has the lowest and the highest. */
const mostBars = 80;

function perClassFigure(report: Counts<"per_class">): Figure {
  const sorted = [...report.classes].sort((a, b) => a.accuracy - b.accuracy);
  const half = mostBars / 2;
  const shown = sorted.length <= mostBars ? sorted : [...sorted.slice(0, half), ...sorted.slice(-half)];
  const [lowest, highest] = [sorted[0], sorted.at(-1)];
  const range =
    lowest === undefined || highest === undefined
      ? ""
      : `, from ${percent(lowest.accuracy, 1)} % for ${lowest.name} to ${percent(highest.accuracy, 1)} % for ${highest.name}`;
  const name = rowName(report);
  return {
    name: `classes-${name}`,
    title: `${name}: accuracy by class${shown.length < sorted.length ? `, the ${half} lowest and highest` : ""}`,
    svg: classBars(`accuracy of ${plural(sorted.length, "class", "classes")} in ${name}${range}`, shown),
    data: {
      columns: ["class", "accuracy", "queries"],
      rows: sorted.map((one) => [one.name, one.accuracy, one.queries]),
    },
  };
}

function confusionFigure(report: Counts<"confusion">): Figure {
  const name = rowName(report);
  const wrong = report.cells.filter(([truth, taken]) => truth !== taken).sort((a, b) => b[2] - a[2]);
  const [most] = wrong;
  const example =
    most === undefined
      ? ", no query taken for another class"
      : `, most often ${report.classes[most[0]]} taken for ${report.classes[most[1]]}, ${plural(most[2], "time")}`;
  return {
    name: `confusion-${name}`,
    title: `${name}: classes (rows) and what they were taken for (columns)`,
    svg: confusionPicture(
      `confusion of ${plural(report.classes.length, "class", "classes")} in ${name}${example}`,
      report,
    ),
    data: {
      columns: ["class", "taken for", "count"],
      rows: report.cells.map(([truth, taken, n]) => [report.classes[truth] ?? "", report.classes[taken] ?? "", n]),
    },
  };
}
