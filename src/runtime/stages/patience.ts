/** Defines how long a stage may show no progress before its worker counts as hanging. */

/** The patience in ms until a worker has measured a step. It covers loading libraries and building a graph. */
export const firstPatience = 600_000;

/** Returns the patience in ms for the next step: twenty times the longest step so far, and at least a minute. */
export function patienceFor(longestStepMs: number): number {
  return Math.max(60_000, 20 * longestStepMs);
}
