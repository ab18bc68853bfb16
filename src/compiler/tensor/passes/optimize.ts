/** The optimizer of tensor programs: all rewrite rules together, and the trace of what they did. */
import type { Program } from "../ir.js";
import { algebraRules } from "./algebra.js";
import { distanceRule } from "./distance.js";
import { foldRules } from "./fold.js";
import { Rewriter, type Sweep } from "./rewrite.js";
import { finalRules, structureRules } from "./structure.js";

const rewriter = new Rewriter([...foldRules, ...algebraRules, ...structureRules, distanceRule, ...finalRules]);

/** The optimization of one program: the program as lowered, and every sweep of the rules over it. */
export interface OptimizationTrace {
  readonly lowered: Program;
  readonly sweeps: readonly Sweep[];
}

/** The traces by optimized program while `traceOptimizations` runs. */
let traces: Map<Program, OptimizationTrace> | undefined;

/**
 * Returns a cheaper program of the same values: constants are folded, operations that change nothing are gone, and
 * distances are matrix products. Common subexpressions and dead code disappear with the graph that it is rebuilt in. Inputs
 * and outputs keep their names and types, and the nodes that remain keep their order.
 */
export function optimize(program: Program): Program {
  let optimized = program;
  const traced: Sweep[] = [];
  for (const sweep of rewriter.sweeps(program)) {
    optimized = sweep.program;
    if (traces !== undefined) traced.push(sweep);
  }
  traces?.set(optimized, { lowered: program, sweeps: traced });
  return optimized;
}

/**
 * Runs `run` and returns, beside its value, the trace of every program that was optimized in it, by the optimized program.
 * The traces are collected here and not returned by `optimize`, so that no lowering has to pass them on.
 */
export function traceOptimizations<T>(run: () => T): {
  readonly value: T;
  readonly traces: ReadonlyMap<Program, OptimizationTrace>;
} {
  const outer = traces;
  const own = new Map<Program, OptimizationTrace>();
  traces = own;
  try {
    return { value: run(), traces: own };
  } finally {
    traces = outer;
  }
}
