/**
 * Standard normal numbers from uniform bits, by the inverse of the normal distribution function: the rational functions PPND7 of Wichura
 * (1988), algorithm AS 241, whose relative error is about 1e-7, as that of f32.
 */
import type { NamedOps, NamedTensor } from "../named-tensor.js";

/** The coefficients of a numerator or denominator, the constant first. */
type Coefficients = readonly number[];
interface Rational {
  readonly over: Coefficients;
  readonly under: Coefficients;
}
/** Near the middle, in 0.425² − (p − ½)². */
const middle: Rational = {
  over: [3.3871327179, 50.434271938, 159.29113202, 59.10937472],
  under: [1, 17.895169469, 78.757757664, 67.1875636],
};
/** In the tails, in √(−log p) − 1.6. */
const tail: Rational = {
  over: [1.4234372777, 2.75681539, 1.3067284816, 0.17023821103],
  under: [1, 0.7370016425, 0.12021132975],
};
/** The probability below which the tail begins. */
const tailBelow = 0.075;

/**
 * Returns a normal number for each of the integers 0 … 2²⁴ − 1 (f32). The lowest bit is the sign. The others choose one of 2²³ equal steps of
 * probability below one half, at its middle, so the numbers are symmetric and end at ±5.4.
 */
export function standardNormal(ops: NamedOps, bits: NamedTensor): NamedTensor {
  const half = ops.unary("floor", ops.scale(bits, 0.5));
  const isOdd = ops.compare("gt", ops.sub(bits, ops.scale(half, 2)), ops.scalar(0));
  const p = ops.scale(ops.add(half, ops.scalar(0.5)), 2 ** -24);
  const q = ops.sub(p, ops.scalar(0.5));
  const inner = ops.mul(q, ratio(ops, middle, ops.sub(ops.scalar(0.180625), ops.mul(q, q))));
  const far = ops.sub(ops.unary("sqrt", ops.unary("neg", ops.unary("log", p))), ops.scalar(1.6));
  const outer = ops.unary("neg", ratio(ops, tail, far));
  const below = ops.select(ops.compare("lt", p, ops.scalar(tailBelow)), outer, inner);
  return ops.select(isOdd, below, ops.unary("neg", below));
}

function ratio(ops: NamedOps, { over, under }: Rational, x: NamedTensor): NamedTensor {
  return ops.div(polynomial(ops, over, x), polynomial(ops, under, x));
}

function polynomial(ops: NamedOps, coefficients: Coefficients, x: NamedTensor): NamedTensor {
  const [last = 0, ...lower] = coefficients.toReversed();
  return lower.reduce<NamedTensor>((sum, each) => ops.add(ops.mul(sum, x), ops.scalar(each)), ops.scalar(last));
}
