/** What each op's arithmetic in 32 bits may be away from 64: of the largest element (and of 1). Integers are exact. */
import type { OpName } from "../../src/compiler/tensor/ir.js";

export interface Tolerance {
  readonly forward: number;
  readonly derivative: number;
}
const usual: Tolerance = { forward: 2e-6, derivative: 1e-5 };

const own: Partial<Record<OpName, Tolerance>> = {
  pow: { forward: 1e-5, derivative: 5e-5 },
  // Errors grow with the condition number, and the derivative solves twice.
  solve_spd: { forward: 1e-4, derivative: 5e-4 },
  // A variance near 0 is divided by: at eps = 0.1 a few roundings are enlarged threefold, in the derivative once more.
  batch_norm: { forward: 2e-6, derivative: 5e-5 },
  batch_norm_grad_x: { forward: 1e-5, derivative: 2e-4 },
  batch_norm_grad_gamma: { forward: 1e-5, derivative: 2e-4 },
};

/** Shaders have their own `exp`, `log` and `pow`, of fewer digits: so the WebGPU device is given this many times as much. */
export const webgpuFactor = 10;

export const toleranceOf = (op: OpName): Tolerance => own[op] ?? usual;
