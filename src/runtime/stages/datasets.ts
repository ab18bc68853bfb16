/** The datasets of a stage and their packs. */
import type { Dataset, Experiment } from "../../compiler/typed.js";
import type { Pack } from "../data/contract.js";

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
