/** The argument with which an experiment takes a part of a published data set, which is refused otherwise. */
import type { ArgDescription } from "../source.js";

export const partialArgument: ArgDescription = {
  name: "partial",
  type: "bool",
  default: false,
  meaning: "take what is there, although images or classes of the published set are missing",
};

/** The help for data that are not the published set. */
export const partialHelp =
  "to use what is there, write `partial: true` in the source; its results are then not those of the published set";
