/** Derivatives of sources and element-wise ops. Masks are never multiplied, because 0 · ∞ is NaN: `select` leaves the other side out. */
import type { Node, PrimitiveName } from "../ir.js";
import type { Ops } from "../ops.js";
import { type Adjoint, constant, type DerivativeRules, flat, operands } from "./rule.js";

/** Gives dy to the operand that wins, or half to each if they are equal. */
function winner(o: Ops, wins: Node, ties: Node, dy: Node): Node {
  return o.select(wins, dy, o.select(ties, o.mul(dy, 0.5), 0));
}
const extremum =
  (beats: "gt" | "lt") =>
  (o: Ops, y: Node, dy: Node): readonly Adjoint[] => {
    const [a, b] = operands(y);
    return [() => winner(o, o[beats](a, b), o.eq(a, b), dy), () => winner(o, o[beats](b, a), o.eq(a, b), dy)];
  };

export const elementwiseDerivatives = {
  input: constant,
  const: constant,
  iota: constant,
  neg: (o, _, dy) => [() => o.neg(dy)],
  exp: (o, y, dy) => [() => o.mul(dy, y)],
  log: (o, y, dy) => [() => o.div(dy, operands(y)[0])],
  sqrt: (o, y, dy) => [
    () => {
      // The slope at 0 is defined as 0. The 1 keeps the side that is not taken finite, in this derivative and in the next.
      const rises = o.gt(operands(y)[0], 0);
      return o.select(rises, o.div(o.mul(dy, 0.5), o.select(rises, y, 1)), 0);
    },
  ],
  rsqrt: (o, y, dy) => [() => o.mul(o.mul(dy, -0.5), o.mul(y, o.mul(y, y)))],
  tanh: (o, y, dy) => [() => o.mul(dy, o.sub(1, o.mul(y, y)))],
  erf: (o, y, dy) => [() => o.mul(dy, o.mul(o.exp(o.neg(o.square(operands(y)[0]))), 2 / Math.sqrt(Math.PI)))],
  abs: (o, y, dy) => [
    () => {
      const [x] = operands(y);
      return o.select(o.gt(x, 0), dy, o.select(o.lt(x, 0), o.neg(dy), 0));
    },
  ],
  floor: flat(1),
  not: flat(1),
  add: (_, __, dy) => [() => dy, () => dy],
  sub: (o, _, dy) => [() => dy, () => o.neg(dy)],
  mul: (o, y, dy) => {
    const [a, b] = operands(y);
    return [() => o.mul(dy, b), () => o.mul(dy, a)];
  },
  div: (o, y, dy) => {
    const [, b] = operands(y);
    return [() => o.div(dy, b), () => o.neg(o.div(o.mul(dy, y), b))];
  },
  max: extremum("gt"),
  min: extremum("lt"),
  pow: (o, y, dy) => {
    const [a, b] = operands(y);
    return [
      () => {
        const flatHere = o.eq(b, 0);
        const slope = o.mul(b, o.pow(a, o.sub(o.select(flatHere, 1, b), 1)));
        return o.select(flatHere, 0, o.mul(dy, slope));
      },
      () => {
        const positive = o.gt(a, 0);
        return o.select(positive, o.mul(dy, o.mul(y, o.log(o.select(positive, a, 1)))), 0);
      },
    ];
  },
  and: flat(2),
  or: flat(2),
  xor: flat(2),
  shl: flat(2),
  shr: flat(2),
  compare: flat(2),
  select: (o, y, dy) => {
    const [condition] = operands(y);
    return ["none", () => o.select(condition, dy, 0), () => o.select(condition, 0, dy)];
  },
  cast: (_, y, dy) => [operands(y)[0].dtype === y.dtype ? () => dy : "none"],
} satisfies Partial<DerivativeRules<PrimitiveName>>;
