/** Says how runs ended. */
import type { RunRecord } from "./runs.js";

/** The ways in which a run ends. One that was killed, or that is going on, is unfinished. */
export const runStatuses = ["done", "failed", "interrupted", "unfinished"] as const;

export function statusOf({ done }: RunRecord): (typeof runStatuses)[number] {
  return done?.status ?? "unfinished";
}
