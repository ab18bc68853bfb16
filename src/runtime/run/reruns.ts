/** Finds reruns: runs that asked for exactly what an earlier run had done, and got all of it from the store. */
import type { RunRecord } from "./runs.js";

/** Divides runs, the newest first, into those with something of their own and the reruns of them. */
export function withoutReruns(runs: readonly RunRecord[]): {
  readonly kept: readonly RunRecord[];
  readonly reruns: readonly RunRecord[];
} {
  const earlier = new Set<string>();
  const reruns = new Set<RunRecord>();
  for (const run of [...runs].reverse()) {
    const asked = identityOf(run);
    if (asked === undefined) continue;
    if (earlier.has(asked) && run.done?.stages?.every(({ from }) => from === "store")) reruns.add(run);
    earlier.add(asked);
  }
  return { kept: runs.filter((run) => !reruns.has(run)), reruns: runs.filter((run) => reruns.has(run)) };
}

/**
 * Returns a text that two runs share if nothing about them differs: files, parameters, options, seed, version, data and stages. It is
 * undefined for a run that did not finish, and for one of an older version, which recorded too little.
 */
function identityOf({ start, done }: RunRecord): string | undefined {
  const { file, seed, version, inputs } = start;
  if (done?.status !== "done" || done.stages === undefined || inputs === undefined) return undefined;
  const { force: _, ...asked } = inputs.asked;
  const stages = done.stages.map(({ id, key }) => [id, key]).sort();
  return JSON.stringify([file, seed, version, inputs.params, asked, inputs.sources, inputs.files, stages]);
}
