/** The root of the typed tree. */

import type { Dataset } from "./data.js";
import type { Stage } from "./stage.js";
import type { ResolvedParam } from "./values.js";

/** A file of the experiment: its module id and its text. */
export interface SourceText {
  readonly id: string;
  readonly text: string;
}

export interface Experiment {
  /** The module id of the root file. */
  readonly file: string;
  /** The texts that the experiment was compiled from, the root file first. One that a program has built has none. */
  readonly sources?: readonly SourceText[];
  readonly params: readonly ResolvedParam[];
  /** The datasets by id. */
  readonly datasets: Readonly<Record<string, Dataset>>;
  /** Every declared stage of the root file and of its imports, dependencies first. */
  readonly stages: readonly Stage[];
  /** The ids of the stages that a plain `run` wants: those of the root file. */
  readonly wanted: readonly string[];
}
