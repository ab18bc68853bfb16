/** The loops of a typed block: how many rounds each has, written out or round by round. */
import type { Block, Statement } from "./tree.js";

export type LoopStatement = Exclude<Statement, { kind: "let" }>;

/** The most rounds of a loop; at test a `minimize` may have others. */
export function boundOf(loop: LoopStatement, test: boolean): number {
  if (loop.kind === "repeat") return loop.bound;
  return test ? loop.stepsAtTest : loop.steps;
}

/** Rounds of loops that one round of a loop holds, written out. */
export function roundsWithin(loop: LoopStatement, test: boolean): number {
  return loop.body.reduce((sum, inner) => sum + (inner.kind === "let" ? 0 : roundsOf(inner, test)), 0);
}

/** All rounds of a loop, written out: those of the loops inside it each time. */
export function roundsOf(loop: LoopStatement, test: boolean): number {
  return boundOf(loop, test) * Math.max(1, roundsWithin(loop, test));
}

/** Every loop of a block, those inside others included. */
export function loopsIn({ statements }: Pick<Block, "statements">): LoopStatement[] {
  return statements.flatMap((s) => (s.kind === "let" ? [] : [s, ...loopsIn({ statements: s.body })]));
}
