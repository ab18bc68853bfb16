/** The facts that the compiler needs about files that an experiment names: lists of episodes, weights and descriptions of classes. */
import type { Task } from "./tree.js";

/** A file that cannot be used. `place` is the part of its text that is wrong, or undefined for the whole file. */
export interface Unusable {
  readonly problem: string;
  readonly place: { readonly start: number; readonly end: number } | undefined;
}
export interface GivenEpisodes {
  readonly task: Task;
  readonly episodes: number;
  readonly digest: string;
}
export interface GivenWeights {
  readonly tensors: readonly GivenTensor[];
  readonly digest: string;
}
/** A description of classes: a table with a row for each class. */
export interface GivenDescription {
  /** The count of numbers in a row. */
  readonly size: number;
  /** The digest of the table, or undefined while its data are not available. */
  readonly digest: string | undefined;
}
/** A tensor of a file. `numeric` is true if its numbers can become weights. */
export interface GivenTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly numeric: boolean;
}

/** Reads given files. Paths are relative to the project. */
export interface GivenFiles {
  episodes(path: string): GivenEpisodes | Unusable;
  weights(path: string): GivenWeights | Unusable;
}

/**
 * Returns whether the numbers of a tensor of one shape may fill a weight of another one as they lie. Axes of size 1 do not
 * count: the author of a module wrote `[1, 197, 384]` for a table of positions, or `[96, 1, 1]` for a scale of channels.
 */
export function canFill(given: readonly number[], wanted: readonly number[]): boolean {
  const [a, b] = [given, wanted].map((shape) => shape.filter((size) => size !== 1).join());
  return a === b;
}
