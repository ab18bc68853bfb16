/** The scored episodes of one row of an evaluation, from which its reports are made. */
import type { EvaluateRow } from "../../compiler/typed/tree.js";
import type { Episode, PackedSplit } from "../data/contract.js";
import type { Classification } from "./classified-episodes.js";

export interface ScoredEpisodes {
  readonly row: EvaluateRow;
  readonly split: PackedSplit;
  readonly episodes: readonly Episode[];
  /** The training classes of the dataset. */
  readonly known: ReadonlySet<string>;
  readonly classified: Classification;
  /** The accuracies of episodes that share no image, or undefined if the stage does not report them. */
  readonly disjoint: Float64Array | undefined;
}
