/**
 * Compares every op of the IR on one engine and device with the f64 interpreter, forward and through its derivative. Shapes are
 * random; values are distinct, tie, or are all the same.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, test as runsHere } from "vitest";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import type { Node, OpName } from "../../src/compiler/tensor/ir.js";
import type { Engine } from "../../src/runtime/engines/engine.js";
import { agrees, type Candidate, titleOf } from "../engines/support.js";
import { type Case, cases, opNames } from "../tensor/cases.js";
import { draw, freshOps, programOf, random, type Spread } from "../tensor/support.js";
import { toleranceOf } from "./tolerances.js";

export interface Effort {
  /** The number of random uses of each op. */
  readonly runs: number;
  /** The factor by which this device may exceed the stated tolerance. */
  readonly factor: number;
  /** The ops; all of them by default. */
  readonly ops?: readonly OpName[];
}

export function opsConform(candidate: Candidate, { runs, factor, ops = opNames }: Effort): void {
  const test = runsHere.skipIf(candidate.missing !== undefined);
  let engine: Engine;
  beforeAll(() => {
    if (candidate.missing === undefined) engine = candidate.make();
  });
  afterAll(() => engine?.dispose());

  const everyUse = (op: OpName, check: (it: Case, spread: Spread, seed: number) => Promise<void>): Promise<void> =>
    fc.assert(
      fc.asyncProperty(cases[op], fc.constantFrom<Spread>("distinct", "ties", "constant"), fc.integer(), check),
      { numRuns: runs, seed: 7 },
    );

  describe(`forward, on ${titleOf(candidate)}`, () => {
    test.each(ops)("%s", (op) =>
      everyUse(op, async (it, spread, seed) => {
        const { nodes, result, inputs } = used(it, spread, seed);
        await agrees(engine, programOf([result], nodes), inputs, factor * toleranceOf(op).forward);
      }),
    );
  });

  describe(`through its derivative, on ${titleOf(candidate)}`, () => {
    test.each(ops.filter(hasDerivative))("%s", (op) =>
      everyUse(op, async (it, spread, seed) => {
        const { o, nodes, result, inputs } = used(it, spread, seed);
        const reals = nodes.filter((node) => node.dtype === "f32");
        const weights = o.constant(result.shape, mixture(result));
        const slopes = gradient(o.graph, o.sum(o.mul(result, weights)), reals);
        await agrees(engine, programOf(slopes, nodes), inputs, factor * toleranceOf(op).derivative);
      }),
    );
  });
}

function used(it: Case, spread: Spread, seed: number) {
  const o = freshOps();
  const next = random(seed);
  const nodes = it.operands.map(({ shape, dtype }, place) => o.input(`x${place}`, shape, dtype));
  const result = it.build(o, nodes as never);
  const inputs = Object.fromEntries(it.operands.map((operand, place) => [`x${place}`, draw(operand, spread, next)]));
  return { o, nodes, result, inputs };
}

/** Returns weights for a sum over the result. All differ, so that the gradients of the elements can be told apart. */
function mixture({ shape }: Node): Float64Array {
  const count = shape.reduce((a, b) => a * b, 1);
  return Float64Array.from({ length: count }, (_, place) => Math.cos(1 + place * 1.7));
}

/** Tells whether a float result has float operands. Other ops have no derivative: they are exact or sources. */
function hasDerivative(op: OpName): boolean {
  const [it] = fc.sample(cases[op], { numRuns: 1, seed: 7 });
  if (!it?.operands.some(({ dtype }) => dtype === "f32")) return false;
  return used(it, "distinct", 1).result.dtype === "f32";
}
