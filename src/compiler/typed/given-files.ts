/** The facts that the compiler needs about files that an experiment names: lists of episodes and weights. */
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
