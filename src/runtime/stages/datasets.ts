/** Finds the datasets of a stage and their packs. */
import { own } from "../../common/own.js";
import type { Dataset, SplitName } from "../../compiler/typed/tree.js";
import type { Pack, PackedSplit } from "../data/contract.js";
import type { StageContext } from "./context.js";

/** Returns a dataset of the experiment with its open pack. */
export function datasetOf(
  { job: { experiment }, packs }: StageContext,
  id: string,
): { readonly dataset: Dataset; readonly pack: Pack } {
  const dataset = own(experiment.datasets, id);
  const pack = packs.get(id);
  if (dataset === undefined || pack === undefined) throw new Error(`the dataset ${id} is not packed`);
  return { dataset, pack };
}

/** Returns a split of a pack. A pack without it cannot have been ingested for this experiment. */
export function packedSplit(pack: Pack, split: SplitName): PackedSplit {
  const found = pack.splits[split];
  if (found === undefined) throw new Error(`the pack ${pack.dir} has no split ${split}`);
  return found;
}
