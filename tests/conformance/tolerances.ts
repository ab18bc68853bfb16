/** The tolerances for 32-bit arithmetic against 64-bit, relative to the largest element (and 1). Integers are exact. */
import type { OpName } from "../../src/compiler/tensor/ir.js";

export interface Tolerance {
  readonly forward: number;
  readonly derivative: number;
}
const usual: Tolerance = { forward: 2e-6, derivative: 1e-5 };

const own: Partial<Record<OpName, Tolerance>> = {
  pow: { forward: 1e-5, derivative: 5e-5 },
  // Errors grow with the condition number, and the derivative solves two systems.
  solve_spd: { forward: 1e-4, derivative: 5e-4 },
  // The divisor is a variance near 0. At eps = 0.1 a few rounding errors grow threefold, and once more in the derivative.
  batch_norm: { forward: 2e-6, derivative: 5e-5 },
  batch_norm_grad_x: { forward: 1e-5, derivative: 2e-4 },
  batch_norm_grad_gamma: { forward: 1e-5, derivative: 2e-4 },
};

/** The factor for WebGPU, because shaders have less precise `exp`, `log` and `pow`. */
export const webgpuFactor = 10;

export const toleranceOf = (op: OpName): Tolerance => own[op] ?? usual;
