/** Tests `--precision bf16`: convolutions and large products read rounded numbers, and everything else is as in f32. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import { interpret } from "../../src/compiler/tensor/interpret.js";
import type { Node } from "../../src/compiler/tensor/ir.js";
import type { Engine, HostTensor } from "../../src/runtime/engines/engine.js";
import { createEngine } from "../../src/runtime/engines/index.js";
import { freshOps, programOf, random } from "../tensor/support.js";
import { engines, titleOf } from "./support.js";

const padded = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 } as const;

/** Returns numbers between -0.5 and 0.5 for a node. */
function noise({ shape }: Node, next: () => number): HostTensor {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() - 0.5);
  return { shape, dtype: "f32", data };
}

describe.skipIf(engines.onednnRounding.missing !== undefined)(titleOf(engines.onednnRounding), () => {
  let engine: Engine;
  beforeAll(() => {
    engine = engines.onednnRounding.make({ threads: 2 });
  });
  afterAll(() => engine?.dispose());

  /** Returns the error of each output against the interpreter, relative to the length of the output. */
  const errors = async (outputs: readonly Node[], inputs: readonly Node[]): Promise<number[]> => {
    const next = random(1);
    const feeds = Object.fromEntries(
      inputs.map((node) => [node.op === "input" ? node.attrs.name : "", noise(node, next)]),
    );
    const program = programOf(outputs, inputs);
    const executable = await engine.compile(program);
    const { host } = await executable.run(feeds);
    await executable.dispose();
    const wanted = interpret(program, feeds);
    return outputs.map((_, place) => {
      const right = wanted[String(place)]?.data ?? [];
      const found = host[String(place)]?.data ?? [];
      let [wrong, all] = [0, 0];
      for (let i = 0; i < right.length; i++) {
        wrong += ((found[i] ?? Number.NaN) - (right[i] ?? 0)) ** 2;
        all += (right[i] ?? 0) ** 2;
      }
      return Math.sqrt(wrong / all);
    });
  };

  const isRounded = (error: number): boolean => error > 1e-4 && error < 1e-2;

  test("convolutions and their gradients round what they read", async () => {
    const o = freshOps();
    const [x, w, dy] = [o.input("x", [4, 16, 12, 12]), o.input("w", [32, 16, 3, 3]), o.input("dy", [4, 32, 12, 12])];
    const y = o.conv2d(x, w, padded);
    const found = await errors([y, ...gradient(o.graph, o.sum(o.mul(y, dy)), [x, w])], [x, w, dy]);
    expect(found.map(isRounded)).toEqual([true, true, true]);
  });

  test("norms, pools and sums of what a convolution has made are right in its layout", async () => {
    const o = freshOps();
    const [x, w, v] = [o.input("x", [4, 16, 12, 12]), o.input("w", [32, 16, 3, 3]), o.input("v", [32])];
    const seen = o.conv2d(x, w, padded);
    const normed = o.relu(o.batchNorm(seen, o.full([32], 1), o.full([32], 0), { eps: 1e-5, groups: 2 }));
    const pooled = o.maxPool(normed, { size: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] });
    const shifted = o.add(seen, o.broadcast(v, seen.shape, [1]));
    for (const error of await errors([pooled, shifted, o.reshape(seen, [4, 32 * 144])], [x, w, v]))
      expect(error).toBeLessThan(1e-2);
  });

  test("products of layers round what they read; distances and heads, which are smaller, do not", async () => {
    const o = freshOps();
    const [x, w] = [o.input("x", [256, 128]), o.input("w", [128, 128])];
    const few = o.sliceAxis(x, 0, 0, 25);
    const [large = 0, small = 1] = await errors([o.dot(x, w, [[1], [0]]), o.dot(few, w, [[1], [0]])], [x, w]);
    expect(isRounded(large)).toBe(true);
    expect(small).toBeLessThan(1e-6);
  });

  test("its numerics say so, and no other engine takes the precision", async () => {
    expect(engine.numerics).toMatchObject({ engine: "onednn", precision: "bf16" });
    const options = { device: "cpu", threads: 1, precision: "bf16" } as const;
    await expect(createEngine("reference", options)).rejects.toThrow("does not compute with bf16");
  });
});
