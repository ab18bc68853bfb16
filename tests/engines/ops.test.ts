/** Compares the special cases of the ONNX lowering with the f64 interpreter. */
import { afterAll, describe, test } from "vitest";
import { OnnxEngine } from "../../src/runtime/engines/onnx/engine.js";
import { draw, freshOps, programOf, random } from "../tensor/support.js";
import { agrees } from "./support.js";

const engine = new OnnxEngine({ device: "cpu", threads: 1 });
afterAll(() => engine.dispose());

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
      await agrees(engine, programOf(outputs, [x, filters, dy]), inputs, 5e-6);
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
      await agrees(engine, programOf([y, gradient], [x, dy]), { x: inputs.x, dy: inputs.dy }, 2e-6);
      // This is the filter gradient of a pool gradient that nothing else reads.
      await agrees(engine, programOf([y, ops.conv2dFilterGrad(z, gradient, attrs)], [x, dy, z]), inputs, 5e-6);
    }
  });
});
