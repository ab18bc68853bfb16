/** A part of a published data set, which is refused unless the experiment says that it takes one. */
import type { DatasetFacts } from "../../../../compiler/typed/tree.js";
import { type ArgDescription, datasetFacts, type Listing, remark, splitNames } from "../source.js";

export const partialArgument: ArgDescription = {
  name: "partial",
  type: "bool",
  default: false,
  meaning: "take what is there, although images or classes of the published set are missing",
};

/** The help for data that are not the published set. */
export const partialHelp =
  "to use what is there, write `partial: true` in the source; its results are then not those of the published set";

/** Returns the facts of a listing. `missing` is a clause that says how it differs from the published set, if it does. */
export function factsOf(listing: Listing, root: string, missing: string | undefined): DatasetFacts {
  const sized = splitNames.map((split) => {
    return [split, (listing[split] ?? []).map(({ name, images }) => ({ name, images: images.length }))] as const;
  });
  const findings = missing === undefined ? [] : [remark(`${root} is a part of the set: ${missing}`, [])];
  return { ...datasetFacts(Object.fromEntries(sized)), findings };
}
