/** A folder of vectors: which rows of its matrix each class of each split has. */
import type { BaseSplit } from "../../../compiler/typed/tree.js";
import type { DescriptionTable } from "../descriptions/table.js";

/** The classes of each split, and their rows in the matrix, counted from 0. */
export type RowSplits = Partial<Record<BaseSplit, readonly ClassRows[]>>;
interface ClassRows {
  readonly name: string;
  readonly rows: readonly number[];
}

export interface VectorFolder {
  /** The file of the matrix. */
  readonly file: string;
  /** The count of numbers in a vector. */
  readonly length: number;
  readonly splits: RowSplits;
  /** The attributes of the classes, if the folder has them. */
  readonly attributes?: DescriptionTable;
}

/** Returns the rows of each class, in the order in which classes first appear. `labels` has the class of each row. */
export function rowsByClass(
  labels: readonly string[],
  rows: Iterable<number> = labels.keys(),
): ReadonlyMap<string, readonly number[]> {
  const classes = new Map<string, number[]>();
  for (const row of rows) {
    const name = labels[row] ?? "";
    const own = classes.get(name);
    if (own === undefined) classes.set(name, [row]);
    else own.push(row);
  }
  return classes;
}
