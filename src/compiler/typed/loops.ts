/** The loops of a typed block: how many rounds each has, written out or round by round. */
import type { Block, Statement } from "./tree.js";

export type LoopStatement = Exclude<Statement, { kind: "let" }>;

/** The phase in which a loop runs. A `minimize` may take another number of steps at test than in training. */
export type LoopPhase = "training" | "test";

/** Returns the largest number of rounds of a loop. */
export function boundOf(loop: LoopStatement, phase: LoopPhase): number {
  if (loop.kind === "repeat") return loop.bound;
  return phase === "test" ? loop.stepsAtTest : loop.steps;
}

/** Rounds of loops that one round of a loop holds, written out. */
export function roundsWithin(loop: LoopStatement, phase: LoopPhase): number {
  return loop.body.reduce((sum, inner) => sum + (inner.kind === "let" ? 0 : roundsOf(inner, phase)), 0);
}

/** All rounds of a loop, written out: those of the loops inside it each time. */
export function roundsOf(loop: LoopStatement, phase: LoopPhase): number {
  return boundOf(loop, phase) * Math.max(1, roundsWithin(loop, phase));
}

/** Every loop of a block, those inside others included. */
export function loopsIn({ statements }: Pick<Block, "statements">): LoopStatement[] {
  return statements.flatMap((s) => (s.kind === "let" ? [] : [s, ...loopsIn({ statements: s.body })]));
}
