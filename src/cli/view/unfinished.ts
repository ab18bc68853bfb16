/**
 * Describes stages that have not finished when a run stops. Each continues in the next run where it was stopped. Of a training it is
 * known how far it was.
 */
import { percent } from "./format.js";
import type { RunState, StageState } from "./model.js";

/**
 * Returns what a stop does to the running stages, such as `proto is 28 % done and would continue there`, or undefined if none runs.
 * Ingests are left out, because their finished downloads are kept.
 */
export function effectOfStop({ stages }: RunState): string | undefined {
  return sentence(stages, { was: "is", goesOn: "would continue there", rest: "would continue where it is" });
}

/** Returns what a stopped run has left unfinished, such as `proto was 28 % done and the next run continues there`, or undefined if nothing. */
export function leftByStop({ stages }: RunState): string | undefined {
  return sentence(stages, { was: "was", goesOn: "the next run continues there", rest: "continues in the next run" });
}

interface Words {
  readonly was: string;
  readonly goesOn: string;
  /** For a stage that has not said how far it is. */
  readonly rest: string;
}

function sentence(stages: readonly StageState[], { was, goesOn, rest }: Words): string | undefined {
  const parts = stages
    .filter(({ outline, status }) => outline.kind !== "ingest" && (status === "running" || status === "stopped"))
    .map(({ outline: { id }, training }) =>
      training === undefined
        ? `${id} ${rest}`
        : `${id} ${was} ${percent(training.step / training.steps, 0)} % done and ${goesOn}`,
    );
  return parts.length === 0 ? undefined : parts.join(", ");
}
