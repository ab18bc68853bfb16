/** The root of the typed tree. */

import type { Dataset } from "./data.js";
import type { Stage } from "./stage.js";
import type { ResolvedParam } from "./values.js";

export interface Experiment {
  /** Module id of the root file. */
  readonly file: string;
  readonly params: readonly ResolvedParam[];
  /** By dataset id. */
  readonly datasets: Readonly<Record<string, Dataset>>;
  /** Every declared stage of the root and of what it imports, dependencies first. */
  readonly stages: readonly Stage[];
  /** Ids of the stages that a plain `run` wants: those of the root file. */
  readonly wanted: readonly string[];
}
