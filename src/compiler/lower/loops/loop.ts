/**
 * Loops as data. The driver of a loop, which unrolls it in a program or hands it to the runtime, need not know what the
 * loop computes. Lanes are the episodes, and the queries of an inductive entry, that are computed side by side: the axes
 * `taskAxis` and `queryAxis` of a value. Each lane has a loop of its own.
 */
import { axesOf, isLaneAxis, lanesOf, type NamedOps, type NamedTensor } from "../named-tensor.js";

export interface Loop {
  /** The largest number of rounds. */
  readonly bound: number;
  /** The carried values before the first round, each with every axis that it has in any round. */
  readonly start: readonly NamedTensor[];
  /**
   * Lowers one round. `index` is an i32 scalar: the number of rounds before this one. The carried values come back with the
   * axes that they had, in that order. A driver keeps the values of a lane from the round in which the lane was done, by
   * `select`.
   */
  readonly round: (carried: readonly NamedTensor[], index: NamedTensor) => Round;
}

export interface Round {
  readonly carried: readonly NamedTensor[];
  /** A bool with lane axes only: true if the lane has met its condition. It is undefined if the loop has no condition. */
  readonly done: NamedTensor | undefined;
}

/** Returns the carried values after the last round. */
export type LoopDriver = (loop: Loop) => readonly NamedTensor[];

/**
 * Returns the driver that writes out every round, so that the loop is differentiated like anything else. A lane that has
 * finished runs its remaining rounds from the start values again, where a round is known to have a value. Past its end a
 * round may give NaN, and a NaN derivative would spread even where `select` does not take it.
 */
export function unrolledDriver(ops: NamedOps): LoopDriver {
  return (loop) => {
    let carried = loop.start;
    let finished: NamedTensor | undefined;
    for (let index = 0; index < loop.bound; index++) {
      const next = loop.round(keepFinished(ops, finished, loop.start, carried), ops.scalar(index, "i32"));
      carried = keepFinished(ops, finished, carried, next.carried);
      if (next.done !== undefined)
        finished = finished !== undefined ? ops.binary("or", finished, next.done) : next.done;
    }
    return carried;
  };
}

/** Returns `after`, but `before` in the lanes that have finished. */
export function keepFinished(
  ops: NamedOps,
  finished: NamedTensor | undefined,
  before: readonly NamedTensor[],
  after: readonly NamedTensor[],
): readonly NamedTensor[] {
  if (finished === undefined) return after;
  return after.map((value, i) => ops.expand(ops.select(finished, before[i] ?? value, value), axesOf(value)));
}

/**
 * Returns the loop with start values that have all the lanes which its rounds give them. The lanes show only once a round
 * is lowered, so rounds are tried in `dryRun` until no value gains a lane.
 */
export function widenToLanes(ops: NamedOps, dryRun: <T>(run: () => T) => T, loop: Loop): Loop {
  let { start } = loop;
  for (;;) {
    const { carried, done } = dryRun(() => loop.round(start, ops.scalar(0, "i32")));
    const wider = start.map((value, i) => {
      const next = carried[i] ?? value;
      return expandToLanes(ops, value, lanesOf(done !== undefined ? [value, next, done] : [value, next]));
    });
    if (wider.every((value, i) => value.axes.length === start[i]?.axes.length)) break;
    start = wider;
  }
  return {
    ...loop,
    start,
    round: (carried, index) => {
      const next = loop.round(carried, index);
      return {
        done: next.done,
        carried: next.carried.map((value, i) => ops.expand(value, axesOf(carried[i] ?? value))),
      };
    },
  };
}

/** Returns the value with these lanes in front, repeated over those that it lacks. */
export function expandToLanes(
  ops: NamedOps,
  value: NamedTensor,
  lanes: readonly { name: string; size: number }[],
): NamedTensor {
  return ops.expand(value, [...lanes, ...axesOf(value).filter((axis) => !isLaneAxis(axis.name))]);
}
