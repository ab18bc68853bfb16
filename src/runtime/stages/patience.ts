/** How long a stage may show no progress before its worker is taken to hang. */

/** What a worker is given before it has measured a step of its own, in ms: loading libraries, building a graph. */
export const firstPatience = 600_000;

/** A step may take twenty times the longest one measured, and always a minute. */
export function patienceFor(longestStepMs: number): number {
  return Math.max(60_000, 20 * longestStepMs);
}
