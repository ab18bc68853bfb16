/** Each op of the IR on ONNX Runtime against the f64 interpreter: random shapes; distinct values, ties, constants. */
import fc from "fast-check";
import { afterAll, describe, test } from "vitest";
import { type InputTensor, interpret } from "../../src/compiler/tensor/interpret.js";
import type { DType, OpName, Program } from "../../src/compiler/tensor/ir.js";
import type { HostTensor, TypedData } from "../../src/runtime/engines/engine.js";
import { OnnxEngine } from "../../src/runtime/engines/onnx/engine.js";
import { cases, opNames } from "../tensor/cases.js";
import { draw, expectClose, freshOps, programOf, random, type Spread } from "../tensor/support.js";

const engine = new OnnxEngine({ device: "cpu", threads: 1 });
afterAll(() => engine.dispose());

/** Rounding of f32, relative to the largest element: what the op's arithmetic may add to it. Integers are exact. */
const TOLERANCE: Partial<Record<OpName, number>> = {
  pow: 1e-5,
  // An inverse and one step of refinement: errors grow with the condition number.
  solve_spd: 1e-4,
  // A variance near 0 is divided by: at eps = 0.1 no more than a few roundings are enlarged threefold.
  batch_norm_grad_x: 1e-5,
};
const DEFAULT_TOLERANCE = 2e-6;

function typed(dtype: DType, data: ArrayLike<number>): TypedData {
  if (dtype === "f32") return Float32Array.from(data);
  if (dtype === "i32") return Int32Array.from(data);
  if (dtype === "u32") return Uint32Array.from(data);
  return Uint8Array.from(data);
}
const hostTensor = ({ shape, dtype, data }: InputTensor): HostTensor => ({ shape, dtype, data: typed(dtype, data) });

async function agrees(program: Program, inputs: Readonly<Record<string, InputTensor>>, tolerance: number) {
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, hostTensor(tensor)]));
  const executable = await engine.compile(program);
  const { host } = await executable.run(feeds);
  await executable.dispose();
  const wanted = interpret(program, feeds);
  for (const { name, node } of program.outputs)
    expectClose(host[name]?.data ?? [], wanted[name]?.data ?? [], node.dtype === "f32" ? tolerance : 0);
}

describe("every op", () => {
  test.each(opNames)("%s", async (op) => {
    const spreads: fc.Arbitrary<Spread> = fc.constantFrom("distinct", "ties", "constant");
    await fc.assert(
      fc.asyncProperty(cases[op], spreads, fc.integer(), async (it, spread, seed) => {
        const o = freshOps();
        const next = random(seed);
        const nodes = it.operands.map(({ shape, dtype }, place) => o.input(`x${place}`, shape, dtype));
        const result = it.build(o, nodes as never);
        const inputs = Object.fromEntries(
          it.operands.map((operand, place) => [`x${place}`, draw(operand, spread, next)]),
        );
        await agrees(programOf([result], nodes), inputs, TOLERANCE[op] ?? DEFAULT_TOLERANCE);
      }),
      { numRuns: 25, seed: 7 },
    );
  });
});

describe("forms that the lowering treats apart", () => {
  const real = (shape: readonly number[]) => ({ shape, dtype: "f32", domain: "real" }) as const;

  test("convolutions on channels in blocks, and filter gradients of both foldings", async () => {
    for (const [n, c, o, h] of [
      [2, 16, 32, 6],
      [1, 32, 16, 3],
      [3, 48, 16, 2],
    ] as const) {
      const ops = freshOps();
      const x = ops.input("x", [n, c, h, h]);
      const filters = ops.input("filters", [o, c, 3, 3]);
      const attrs = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 } as const;
      const dy = ops.input("dy", [n, o, h, h]);
      const outputs = [
        ops.conv2d(x, filters, attrs),
        ops.conv2dInputGrad(dy, filters, { ...attrs, inputSize: [h, h] }),
        ops.conv2dFilterGrad(x, dy, { ...attrs, filterSize: [3, 3] }),
      ];
      const next = random(c);
      const inputs = {
        x: draw(real(x.shape), "distinct", next),
        filters: draw(real(filters.shape), "distinct", next),
        dy: draw(real(dy.shape), "distinct", next),
      };
      await agrees(programOf(outputs, [x, filters, dy]), inputs, 5e-6);
    }
  });

  test.each(["distinct", "ties", "constant"] as const)("2×2 pools by halves, odd sizes too: %s", async (spread) => {
    for (const [h, w] of [
      [4, 6],
      [5, 4],
      [4, 7],
      [7, 5],
    ] as const) {
      const ops = freshOps();
      const x = ops.input("x", [2, 3, h, w]);
      const window = { size: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] } as const;
      const y = ops.maxPool(x, window);
      const dy = ops.input("dy", y.shape);
      const gradient = ops.maxPoolGrad(x, y, dy, window);
      const z = ops.input("z", [2, 4, h, w]);
      const attrs = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1, filterSize: [3, 3] } as const;
      const inputs = {
        x: draw(real(x.shape), spread, random(h)),
        dy: draw(real(dy.shape), "distinct", random(w)),
        z: draw(real(z.shape), "distinct", random(h * w)),
      };
      await agrees(programOf([y, gradient], [x, dy]), { x: inputs.x, dy: inputs.dy }, 2e-6);
      // The filter gradient of a scatter that nothing else needs.
      await agrees(programOf([y, ops.conv2dFilterGrad(z, gradient, attrs)], [x, dy, z]), inputs, 5e-6);
    }
  });
});
