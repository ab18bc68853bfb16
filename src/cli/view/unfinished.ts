/** Describes the work that is lost if a run stops now. A stage that has not finished starts again at its first step. */
import { percent } from "./format.js";
import type { RunState, StageState } from "./model.js";

/**
 * Returns what a stop loses, such as `proto is 28 % done and would start over`, or undefined if it loses nothing. Ingests are left out,
 * because their finished downloads are kept.
 */
export function lossOfStop({ stages }: RunState): string | undefined {
  return sentence(stages, "is", "would start over");
}

/** Returns what a stopped run has lost, such as `proto was 28 % done and starts over`, or undefined if it lost nothing. */
export function lostByStop({ stages }: RunState): string | undefined {
  return sentence(stages, "was", "starts over");
}

function sentence(stages: readonly StageState[], was: "is" | "was", again: string): string | undefined {
  const parts = stages
    .filter(({ outline, status }) => outline.kind !== "ingest" && (status === "running" || status === "stopped"))
    .map(({ outline: { id }, training }) =>
      training === undefined
        ? `${id} ${again}`
        : `${id} ${was} ${percent(training.step / training.steps, 0)} % done and ${again}`,
    );
  return parts.length === 0 ? undefined : parts.join(", ");
}
