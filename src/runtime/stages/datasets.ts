/** The datasets of a stage and their packs. */
import type { Dataset, Experiment, SplitName } from "../../compiler/typed/tree.js";
import type { Pack, PackedSplit } from "../data/contract.js";

export function datasetOf(
  experiment: Experiment,
  packs: ReadonlyMap<string, Pack>,
  id: string,
): { readonly dataset: Dataset; readonly pack: Pack } {
  const dataset = experiment.datasets[id];
  const pack = packs.get(id);
  if (dataset === undefined || pack === undefined) throw new Error(`the dataset ${id} is not packed`);
  return { dataset, pack };
}

/** The split of a pack; a pack without it cannot have been ingested for this experiment. */
export function packedSplit(pack: Pack, split: SplitName): PackedSplit {
  const found = pack.splits[split];
  if (found === undefined) throw new Error(`the pack ${pack.dir} has no split ${split}`);
  return found;
}
