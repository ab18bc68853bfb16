/** What the tensor tests share: random values, running a graph's nodes, comparing numbers. */

import { expect } from "vitest";
import { Graph } from "../../src/compiler/tensor/graph.js";
import { type InputTensor, type OutputTensor, prepare } from "../../src/compiler/tensor/interpret.js";
import type { DType, Node, Program, Shape } from "../../src/compiler/tensor/ir.js";
import { Ops } from "../../src/compiler/tensor/ops.js";
import { elementCount } from "../../src/compiler/tensor/shape.js";
import { verify } from "../../src/compiler/tensor/verify.js";

/** A small repeatable generator (mulberry32) of numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** How an operand's values are drawn. */
export type Domain = "real" | "positive" | "bool" | "bits" | "shift" | { readonly below: number };
export interface Operand {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly domain: Domain;
}
/**
 * `distinct`: no two values of a tensor equal, none zero, all well apart, so that finite differences meet no kink;
 * `ties`: from a small set of integers; `constant`: one value all over.
 */
export type Spread = "distinct" | "ties" | "constant";

export function draw({ shape, dtype, domain }: Operand, spread: Spread, next: () => number): InputTensor {
  const count = elementCount(shape);
  return { shape, dtype, data: values(count, domain, spread, next) };
}

function values(count: number, domain: Domain, spread: Spread, next: () => number): number[] {
  const each = (make: (place: number) => number): number[] => Array.from({ length: count }, (_, place) => make(place));
  if (domain === "bool") return each(() => Number(next() < 0.5));
  if (domain === "bits") return each(() => Math.floor(next() * 2 ** 32));
  if (domain === "shift") return each(() => Math.floor(next() * 32));
  if (typeof domain === "object") return each(() => Math.floor(next() * domain.below));
  const positive = domain === "positive";
  if (spread === "ties") return each(() => (positive ? 1 + Math.floor(next() * 3) : Math.floor(next() * 4) - 1));
  if (spread === "constant") return each(() => (positive ? 2 : 1));
  const order = each((place) => place);
  for (let place = count - 1; place > 0; place--) {
    const other = Math.floor(next() * (place + 1));
    [order[place], order[other]] = [Number(order[other]), Number(order[place])];
  }
  const offset = 0.2 + 0.6 * next();
  return order.map((rank) => (positive ? 0.5 : -1.5) + (3 * (rank + offset)) / Math.max(count, 1));
}

/** A program that gives `outputs` as "0", "1", … of the inputs below them. */
export function programOf(outputs: readonly Node[], inputs: readonly Node[]): Program {
  return {
    name: "test",
    inputs: inputs.flatMap((node) =>
      node.op === "input" ? [{ name: node.attrs.name, node, role: "feed" as const }] : [],
    ),
    outputs: outputs.map((node, place) => ({ name: String(place), node, role: "host" as const })),
  };
}

export type Values = Readonly<Record<string, InputTensor>>;
/** `outputs` ready to be run on values of `inputs`; the program is verified. */
export function runner(
  outputs: readonly Node[],
  inputs: readonly Node[],
  primitivesOnly = false,
): (values: Values) => OutputTensor[] {
  const program = programOf(outputs, inputs);
  verify(program);
  const run = prepare(program, { primitivesOnly });
  return (given) => {
    const results = run(given);
    return outputs.map((_, place) => results[String(place)] as OutputTensor);
  };
}

/** [i, k] · [k, j] → [i, j] */
export function matmul(o: Ops, a: Node, b: Node): Node {
  return o.dot(a, b, [[1], [0]]);
}

export function freshOps(): Ops {
  return new Ops(new Graph());
}

/** Fails unless the values agree to `tolerance`, relative to the largest of them (and 1). */
export function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance = 1e-9): void {
  expect(got.length).toBe(wanted.length);
  const scale = Math.max(1, ...Array.from(wanted, (value) => Math.abs(value)));
  for (let place = 0; place < got.length; place++) {
    const [a, b] = [Number(got[place]), Number(wanted[place])];
    if (!Object.is(a, b) && !(Math.abs(a - b) <= tolerance * scale))
      expect.fail(
        `element ${place}: ${a}, not ${b}\n got ${Array.from(got).slice(0, 12)}\n not ${Array.from(wanted).slice(0, 12)}`,
      );
  }
}
