/** Draws from Dirichlet distributions. */
import type { Stream } from "./stream.js";

/** Returns a draw from the symmetric Dirichlet distribution: `count` shares that add up to 1. Small concentrations give uneven shares. */
export function dirichlet(stream: Stream, concentration: number, count: number): Float64Array {
  // Gamma draws divided by their sum. Their logarithms are compared first, because draws of small concentrations underflow.
  const logs = Float64Array.from({ length: count }, () => logGamma(stream, concentration));
  const most = Math.max(...logs);
  const shares = logs.map((value) => Math.exp(value - most));
  const total = shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share) => share / total);
}

/** Returns the logarithm of a draw from the gamma distribution with a shape and the scale 1 (Marsaglia & Tsang 2000). */
function logGamma(stream: Stream, shape: number): number {
  // A draw of a larger shape times a power of a uniform number is one of a shape below 1.
  if (shape < 1) return logGamma(stream, shape + 1) + Math.log(1 - stream.uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = stream.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - stream.uniform()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}
