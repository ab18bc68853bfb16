/** Prints predictions as a table, as CSV and as JSON. */

import { taskText } from "../../compiler/typed/describe.js";
import type { PredictedImage, Prediction } from "../../runtime/deploy/predict.js";
import { percent } from "../view/format.js";
import { table } from "./table.js";

/** Stands for the class of an image that is of none. */
const unknownClass = "(unknown)";

/** The number of classes after the best one that the table names. CSV and JSON have all of them. */
const others = 2;

export function predictionTable({ classes, images }: Prediction, width: number): string {
  const rows = images.map((image) => {
    const ranked = rank(image).slice(1, 1 + others);
    const next = ranked.map((c) => `${classes[c]?.name} ${percent(image.probabilities[c] ?? 0, 1)} %`);
    return [image.file, className(image), `${percent(image.probability, 1)} %`, next.join(", ")];
  });
  return table(["image", "class", "probability", "next"], rows, { align: ["left", "left", "right", "left"], width });
}

function className({ class: best, unknown }: PredictedImage): string {
  return unknown === true ? unknownClass : best;
}

/** Returns the sentences below the table: where the probabilities come from, and which images count as unknown. */
export function predictionNotes({ calibration, unknownBelow }: Prediction): string[] {
  if ("why" in calibration)
    return [`The probabilities are those of the metric and are not calibrated: ${calibration.why}.`];
  const { temperature, episodes, task } = calibration;
  const from = `${episodes} validation episodes (${taskText(task)})`;
  return [
    `The probabilities are calibrated by the temperature ${temperature.toPrecision(3)}, from ${from}.`,
    ...(unknownBelow === undefined
      ? []
      : [`Images with less than ${percent(unknownBelow, 1)} % are ${unknownClass}: they may be of no class.`]),
  ];
}

/** Returns the places of the classes, the most probable first. */
function rank({ probabilities }: PredictedImage): number[] {
  return [...probabilities.keys()].sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0));
}

/** Returns a table with a column for the probability of each class. An image that cannot be read has no class. */
export function predictionCsv({ classes, images, unreadable }: Prediction): string {
  const head = ["file", "class", "probability", ...classes.map(({ name }) => name)];
  const rows = images.map((image) => [
    image.file,
    className(image),
    ...[image.probability, ...image.probabilities].map(String),
  ]);
  const empty = unreadable.map(({ file }) => [file, ...head.slice(1).map(() => "")]);
  return [head, ...rows, ...empty].map((row) => `${row.map(csvCell).join(",")}\n`).join("");
}

/** Returns a cell in quotes if it has a character with a meaning in CSV. */
function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Returns the value that `--json` prints: the scores are those of the metric, before they become probabilities. */
export function predictionJson({ classes, images, unreadable, calibration, unknownBelow }: Prediction): unknown {
  const byClass = (values: readonly number[]): Record<string, number> =>
    Object.fromEntries(classes.map(({ name }, c) => [name, values[c] ?? 0]));
  return {
    classes,
    calibration:
      "why" in calibration
        ? null
        : { temperature: calibration.temperature, episodes: calibration.episodes, ...calibration.task },
    ...(unknownBelow === undefined ? {} : { unknown_below: unknownBelow }),
    images: images.map(({ file, class: best, probability, scores, probabilities, unknown }) => ({
      file,
      class: best,
      probability,
      ...(unknown === undefined ? {} : { unknown }),
      probabilities: byClass(probabilities),
      scores: byClass(scores),
    })),
    unreadable,
  };
}
