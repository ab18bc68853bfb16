/** Each op of the IR on ONNX Runtime's WebGPU provider against the f64 interpreter. */
import { afterAll, describe, test } from "vitest";
import type { OpName } from "../../src/compiler/tensor/ir.js";
import { OnnxEngine } from "../../src/runtime/engines/onnx/engine.js";
import { opNames } from "../tensor/cases.js";
import { opAgrees } from "./support.js";

const engine = new OnnxEngine({ device: "gpu", threads: 1 });
afterAll(() => engine.dispose());
const TOLERANCE: Partial<Record<OpName, number>> = { pow: 1e-4, solve_spd: 1e-4, batch_norm_grad_x: 1e-5 };

describe("every op", () => {
  test.each(opNames)("%s", (op) => opAgrees(engine, op, TOLERANCE[op] ?? 5e-6, 8));
});
