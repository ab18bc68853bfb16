/** Finds the datasets and stages of an experiment by their ids. */

import { CompilerBug } from "../../common/bug.js";
import { own } from "../../common/own.js";
import type { Dataset, Experiment, Stage } from "./tree.js";

/** @throws CompilerBug if the experiment has no such dataset. */
export function datasetOf({ datasets }: Experiment, id: string): Dataset {
  const found = own(datasets, id);
  if (found === undefined) throw new CompilerBug(`the experiment has no dataset ${id}`);
  return found;
}

/** @throws CompilerBug if the experiment has no such stage. */
export function stageOf({ stages }: Experiment, id: string): Stage {
  const found = stages.find((stage) => stage.id === id);
  if (found === undefined) throw new CompilerBug(`the experiment has no stage ${id}`);
  return found;
}
