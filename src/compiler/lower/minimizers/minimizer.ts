/** The interface of inner optimizers, which move named tensors of all lanes at once. */
import type { NamedTensor } from "../named-tensor.js";

/** The loss at some targets and its gradient, lane by lane. */
export interface ValueAndGradient {
  /** The loss, with lane axes only. */
  readonly loss: NamedTensor;
  /** The derivative of each lane's loss in each target of that lane, with the axes of the target. */
  readonly gradients: readonly NamedTensor[];
}

/** Evaluates the loss at given targets. A minimizer may evaluate it at several points in one step. */
export type Objective = (targets: readonly NamedTensor[]) => ValueAndGradient;

/** An inner optimizer. Its state starts afresh with every `minimize`. */
export interface Minimizer {
  /** Returns the values that it carries beside the targets: none for plain gradient descent. */
  readonly initialState: (targets: readonly NamedTensor[]) => readonly NamedTensor[];
  readonly step: (at: MinimizerStep) => MinimizerResult;
}

export interface MinimizerStep {
  readonly targets: readonly NamedTensor[];
  readonly state: readonly NamedTensor[];
  readonly objective: Objective;
  /** The number of finished rounds: an i32 scalar. */
  readonly index: NamedTensor;
}

export interface MinimizerResult {
  readonly targets: readonly NamedTensor[];
  readonly state: readonly NamedTensor[];
  /** True if a lane has converged. It is undefined if the method has no end but its bound. */
  readonly done: NamedTensor | undefined;
}
