/** The interface between a block and the loops in it. */
import type { Callable, Expr, Statement } from "../../typed/tree.js";
import type { NamedOps, NamedTensor } from "../named-tensor.js";
import type { Adapted, Calls } from "../networks/calls.js";
import type { LoopDriver } from "./loop.js";

/** A scope in which statements run and bind names. The body of a loop has one of its own in each round. */
export interface LoweringScope {
  bind(local: number, value: NamedTensor): void;
  bindNetwork(local: number, of: Callable, adapted: Adapted): void;
  run(statements: readonly Statement[]): void;
  /** Lowers an expression and casts it to f32. */
  real(e: Expr): NamedTensor;
}

/** The parts of a block that a loop in it needs. */
export interface LoopContext {
  readonly ops: NamedOps;
  /** Returns the scope of a body. `round` is the number of its round, an i32 scalar. */
  readonly newScope: (round?: NamedTensor) => LoweringScope;
  /** Returns the trainable weights of a network by their path in it. */
  readonly weights: (target: Callable) => ReadonlyMap<string, NamedTensor>;
  /**
   * Lowers a setting of the method for a weight of a network, or for a tensor if `weight` is undefined. `prepare` runs first, in
   * the scope of the setting.
   */
  readonly setting: (e: Expr, weight: WeightPlace | undefined, prepare: (scope: LoweringScope) => void) => NamedTensor;
  /** Lowers without an effect: no call, draw or statistic of `run` is kept. */
  readonly dryRun: <T>(run: () => T) => T;
  readonly captureStatistics: Calls["captureStatistics"];
  readonly recordStatistics: Calls["recordStatistics"];
  /** The largest number of rounds in this phase. */
  readonly bound: number;
  readonly driver: LoopDriver;
}

/** A weight of a network, by its path. */
export interface WeightPlace {
  readonly of: Callable;
  readonly path: string;
}
