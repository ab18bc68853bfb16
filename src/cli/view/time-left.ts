/** Estimates the time until a run ends, from the stages of the same name that other variants have computed or compute now. */
import { type RunState, type StageState, secondsLeft } from "./model.js";

/**
 * Returns the seconds until all stages have ended, or undefined if some stage is like none that has been computed. `now` is a time in
 * milliseconds. As many stages as run now are taken to run until the end. Stages that the store will turn out to have are counted too.
 */
export function runSecondsLeft({ stages }: RunState, now: number): number | undefined {
  const known = new Map<string, number[]>();
  for (const stage of stages) {
    const seconds = secondsOf(stage, now);
    if (seconds !== undefined) known.set(likeness(stage), [...(known.get(likeness(stage)) ?? []), seconds]);
  }
  let sum = 0;
  for (const stage of stages) {
    if (stage.status !== "waiting" && stage.status !== "running") continue;
    const own = stage.training === undefined ? undefined : secondsLeft(stage.training);
    const others = known.get(likeness(stage));
    if (own === undefined && others === undefined) return undefined;
    sum += own ?? Math.max(0, mean(others ?? []) - elapsed(stage, now));
  }
  return sum / Math.max(1, stages.filter(({ status }) => status === "running").length);
}

/** Stages with equal texts are one stage of the experiment with other values: `test` for `test@shots=5`. */
const likeness = ({ outline: { kind, name } }: StageState): string => `${kind} ${name.split("@")[0]}`;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const elapsed = ({ startedAt }: StageState, now: number): number =>
  startedAt === undefined ? 0 : (now - startedAt) / 1000;

/** Returns the seconds that a stage has taken, or that it will have taken, if it can be told. */
function secondsOf(stage: StageState, now: number): number | undefined {
  if (stage.status === "done") return stage.seconds;
  const left = stage.status === "running" && stage.training !== undefined ? secondsLeft(stage.training) : undefined;
  return left === undefined ? undefined : elapsed(stage, now) + left;
}
