/**
 * Describes stages that have not finished when a run stops. A training continues in the next run where it was stopped; any other
 * stage starts over.
 */
import { percent } from "./format.js";
import type { RunState, StageState } from "./model.js";

/**
 * Returns what a stop does to the running stages, such as `proto is 28 % done and would continue there`, or undefined if none runs.
 * Ingests are left out, because their finished downloads are kept.
 */
export function effectOfStop({ stages }: RunState): string | undefined {
  return sentence(stages, { was: "is", goesOn: "would continue there", again: "would start over" });
}

/** Returns what a stopped run has left unfinished, such as `proto was 28 % done and the next run continues there`, or undefined if nothing. */
export function leftByStop({ stages }: RunState): string | undefined {
  return sentence(stages, { was: "was", goesOn: "the next run continues there", again: "starts over" });
}

interface Words {
  readonly was: string;
  readonly goesOn: string;
  readonly again: string;
}

function sentence(stages: readonly StageState[], { was, goesOn, again }: Words): string | undefined {
  const parts = stages
    .filter(({ outline, status }) => outline.kind !== "ingest" && (status === "running" || status === "stopped"))
    .map(({ outline: { id }, training }) =>
      training === undefined
        ? `${id} ${again}`
        : `${id} ${was} ${percent(training.step / training.steps, 0)} % done and ${goesOn}`,
    );
  return parts.length === 0 ? undefined : parts.join(", ");
}
