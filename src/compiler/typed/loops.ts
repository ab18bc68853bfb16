/** Counts the rounds of the loops in a typed block. */
import type { Block, Statement } from "./tree.js";

export type LoopStatement = Exclude<Statement, { kind: "let" }>;

/** The phase in which a loop runs. A `minimize` may take another number of steps at test than in training. */
export type LoopPhase = "training" | "test";

/** Returns the largest number of rounds of a loop. */
export function boundOf(loop: LoopStatement, phase: LoopPhase): number {
  if (loop.kind === "repeat") return loop.bound;
  return phase === "test" ? loop.stepsAtTest : loop.steps;
}

/** Returns the number of rounds of inner loops in one round of a loop. */
export function roundsWithin(loop: LoopStatement, phase: LoopPhase): number {
  return loop.body.reduce((sum, inner) => sum + (inner.kind === "let" ? 0 : roundsOf(inner, phase)), 0);
}

/** Returns the number of rounds of a loop if it is unrolled together with the loops inside it. */
export function roundsOf(loop: LoopStatement, phase: LoopPhase): number {
  return boundOf(loop, phase) * Math.max(1, roundsWithin(loop, phase));
}

/** Returns every loop of a block, including those inside other loops. */
export function loopsIn({ statements }: Pick<Block, "statements">): LoopStatement[] {
  return statements.flatMap((s) => (s.kind === "let" ? [] : [s, ...loopsIn({ statements: s.body })]));
}

/** Returns the locals that a statement binds for those after it. */
export function boundLocals(statement: Statement): readonly number[] {
  switch (statement.kind) {
    case "let":
      return [statement.local];
    case "repeat":
      return statement.locals;
    case "minimize":
      return statement.targets.map(({ local }) => local);
  }
}
