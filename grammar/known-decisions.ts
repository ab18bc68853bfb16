import type { DecisionEntry } from "./decisions.js";

/** The decisions of this grammar, where they have been worked out: in the command line, the build replaces this module. */
export const knownDecisions: readonly DecisionEntry[] | undefined = undefined;
