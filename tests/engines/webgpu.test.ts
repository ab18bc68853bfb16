/** Each op of the IR on ONNX Runtime's WebGPU provider against the f64 interpreter. */
import { afterAll, beforeAll, describe, test as runsHere } from "vitest";
import type { OpName } from "../../src/compiler/tensor/ir.js";
import type { Engine } from "../../src/runtime/engines/engine.js";
import { opNames } from "../tensor/cases.js";
import { opAgrees, titleOf } from "./support.js";
import { WEBGPU } from "./webgpu.js";

const test = runsHere.skipIf(WEBGPU.missing !== undefined);

/** Relative to the largest element. A GPU's own functions round less carefully than a processor's. */
const TOLERANCE: Partial<Record<OpName, number>> = {
  pow: 1e-4,
  // Elimination without refinement: errors grow with the condition number.
  solve_spd: 1e-4,
  // A variance near 0 is divided by: at eps = 0.1 no more than a few roundings are enlarged threefold.
  batch_norm_grad_x: 1e-5,
};
const DEFAULT_TOLERANCE = 5e-6;

describe(titleOf(WEBGPU), () => {
  let engine: Engine;
  beforeAll(() => {
    if (WEBGPU.missing === undefined) engine = WEBGPU.make();
  });
  afterAll(() => engine?.dispose());

  test.each(opNames)("%s", (op) => opAgrees(engine, op, TOLERANCE[op] ?? DEFAULT_TOLERANCE, 6));
});
