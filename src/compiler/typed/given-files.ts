/** Files that a line of an experiment names, as far as the compiler must know them: lists of episodes, weights. */
import type { Task } from "./tree.js";

/** A file that cannot be used. `place` is where in its text; undefined where that is the whole of it. */
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
/** `numeric` where it holds numbers of a kind that weights can be made of. */
export interface GivenTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly numeric: boolean;
}

/** Reads them; paths are relative to the project. */
export interface GivenFiles {
  episodes(path: string): GivenEpisodes | Unusable;
  weights(path: string): GivenWeights | Unusable;
}
