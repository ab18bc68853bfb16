/**
 * Reads a data set of the zero-shot benchmark (Xian et al. 2019): the vectors of `res101.mat`, and the classes, attributes and proposed
 * splits of `att_splits.mat`.
 */
import { join } from "node:path";
import type { BaseSplit } from "../../../compiler/typed/tree.js";
import type { DescriptionTable } from "../descriptions/table.js";
import { listVariables, type MatContent, type MatNumbers, type MatVariable } from "../matrices/mat.js";
import { MatrixError } from "../matrices/matrix.js";
import { readShape } from "../matrices/read-matrix.js";
import { type RowSplits, rowsByClass, type VectorFolder } from "./vector-folder.js";

export const featuresFile = "res101.mat";
const splitsFile = "att_splits.mat";

/**
 * Opens a data set. Its own lists for the choice of settings, `train_loc` and `val_loc`, have the images of `test_seen_loc` too. With
 * `validation` these are left out, because an image that is tested later must not decide a setting.
 *
 * @throws MatrixError if a file is not as published, RefusedFileError, or an error of the file system.
 */
export function readBenchmark(root: string, validation: boolean): VectorFolder {
  const file = join(root, featuresFile);
  const { rows, columns } = readShape(file);
  const labels = numbersOf(variablesOf(file), "labels");
  const split = variablesOf(join(root, splitsFile));
  const attributes = numbersOf(split, "att");
  const [size = 0, classes = 0] = attributes.sizes;
  if (labels.length !== rows) throw new MatrixError(`${featuresFile} has ${rows} vectors and ${labels.length} labels`);
  const names = namesOf(split, classes);
  const labelNames = labels.values.map((label) => {
    const name = names[label - 1];
    if (name === undefined)
      throw new MatrixError(`${featuresFile} has the label ${label}, and there are ${classes} classes`);
    return name;
  });
  const listed = (list: string): Set<number> => {
    const places = numbersOf(split, list).values.map((place) => place - 1);
    const wrong = places.find((place) => labelNames[place] === undefined);
    if (wrong !== undefined) throw new MatrixError(`\`${list}\` has the image ${wrong + 1}, and there are ${rows}`);
    return new Set(places);
  };
  const seen = listed("test_seen_loc");
  const without = (list: string): number[] => [...listed(list)].filter((row) => !seen.has(row));
  const lists: readonly (readonly [BaseSplit, Iterable<number>])[] = validation
    ? [
        ["train", without("train_loc")],
        ["val", without("val_loc")],
      ]
    : [
        ["train", listed("trainval_loc")],
        ["seen", seen],
        ["test", listed("test_unseen_loc")],
      ];
  const splits: RowSplits = Object.fromEntries(
    lists.map(([name, places]) => {
      const ordered = [...places].sort((a, b) => a - b);
      return [name, [...rowsByClass(labelNames, ordered)].map(([name, rows]) => ({ name, rows }))];
    }),
  );
  const table: DescriptionTable = {
    columns: Array.from({ length: size }, (_, i) => String(i + 1)),
    rows: new Map(names.map((name, c) => [name, Array.from(attributes.values.slice(c * size, (c + 1) * size))])),
  };
  return { file, length: columns, splits, attributes: table };
}

type Variables = ReadonlyMap<string, MatVariable>;

function variablesOf(path: string): Variables {
  return new Map(listVariables(path).map((variable) => [variable.name, variable]));
}

function contentOf(variables: Variables, name: string): MatContent {
  const found = variables.get(name);
  if (found === undefined) throw new MatrixError(`it has no variable \`${name}\``);
  return found.content();
}

/** Returns the numbers of a variable with its sizes. */
function numbersOf(variables: Variables, name: string) {
  const content = contentOf(variables, name);
  if (content.kind !== "numbers") throw new MatrixError(`\`${name}\` has no numbers`);
  const { count, sizes }: MatNumbers = content;
  return { sizes, length: count, values: Array.from({ length: count }, (_, i) => content.at(i)) };
}

/** Returns the names of the classes. One of the data sets has none, and its classes are named by their numbers. */
function namesOf(variables: Variables, classes: number): string[] {
  if (!variables.has("allclasses_names")) return Array.from({ length: classes }, (_, c) => String(c + 1));
  const content = contentOf(variables, "allclasses_names");
  const names = content.kind === "cells" ? content.cells.map((cell) => (cell.kind === "text" ? cell.text : "")) : [];
  if (names.length === classes && !names.includes("") && new Set(names).size === classes) return names;
  throw new MatrixError(`\`allclasses_names\` does not name ${classes} classes, as \`att\` has`);
}
