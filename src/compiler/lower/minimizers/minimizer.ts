/**
 * Bounded loops as data (rules 17 and 18): what drives one, unrolled in a program or round by round from outside, need
 * not know what it is of. Lanes are the episodes, and the queries of an inductive entry, that stand side by side: the
 * axes `taskAxis` and `queryAxis` that a value has. Each lane's loop is its own.
 */
import type { NamedTensor } from "../named-tensor.js";

/** Loops of at most this many rounds, those of loops inside them counted, are written out where another driver could take them. */
export const maxUnrolledRounds = 32;
/** As many weights of networks moved, counted once a round: ten rounds of a Conv4, five of a ResNet12. */
export const maxUnrolledWeightMoves = 320;

/** A loop with everything settled: what it carries and what one round makes of it. */
export interface Loop {
  /** The most rounds there are. */
  readonly bound: number;
  /** The carried values before the first round, each with every axis that it has in any round. */
  readonly start: readonly NamedTensor[];
  /**
   * One round. `index`: i32 scalar, the rounds finished before. The values come back with the axes that they had, in that
   * order. `done`: bool, lane axes only, true where a lane has met its condition; undefined where there is none. A driver
   * keeps what a lane has from the round in which it was done, by `select`.
   */
  readonly round: (carried: readonly NamedTensor[], index: NamedTensor) => Round;
}
export interface Round {
  readonly carried: readonly NamedTensor[];
  readonly done: NamedTensor | undefined;
}

/** Gives the carried values after the last round. */
export type LoopDriver = (loop: Loop) => readonly NamedTensor[];

/** The loss at some targets, lane by lane. */
export interface ValueAndGradient {
  /** Lane axes only. */
  readonly loss: NamedTensor;
  /** Of each target, in its axes: the derivative of each lane's loss in that lane's values. */
  readonly gradients: readonly NamedTensor[];
}
export type Objective = (targets: readonly NamedTensor[]) => ValueAndGradient;

/** An inner optimizer over named tensors, all lanes at once. Its state starts empty each time (rule 17). */
export interface Minimizer {
  /** What it carries beside the targets, at its start: nothing for plain gradient descent. */
  readonly initialState: (targets: readonly NamedTensor[]) => readonly NamedTensor[];
  readonly step: (at: MinimizerStep) => MinimizerResult;
}
export interface MinimizerStep {
  readonly targets: readonly NamedTensor[];
  readonly state: readonly NamedTensor[];
  /** May be asked at several points. */
  readonly objective: Objective;
  /** i32 scalar: finished rounds. */
  readonly index: NamedTensor;
}
export interface MinimizerResult {
  readonly targets: readonly NamedTensor[];
  readonly state: readonly NamedTensor[];
  /** Where a lane has converged; undefined where the method knows no end but its bound. */
  readonly done: NamedTensor | undefined;
}
