/** Measures the arithmetic that an engine gets out of the processor at best: a large product of matrices. */
import { Graph } from "../../compiler/tensor/graph.js";
import type { Program } from "../../compiler/tensor/ir.js";
import { Ops } from "../../compiler/tensor/ops.js";
import type { Engine, Handle } from "../engines/engine.js";

/** The time in seconds that a product has to take, so that the call and the clock do not count. */
const longEnough = 0.02;
const largest = 4096;
const repeats = 5;

/** Returns the largest number of operations per second that was measured. A multiply-add counts as two. */
export async function measurePeak(engine: Engine): Promise<number> {
  let size = 64;
  let best = await fastest(engine, size, 1);
  while (best < longEnough && size < largest) {
    size *= 2;
    best = await fastest(engine, size, 1);
  }
  best = Math.min(best, await fastest(engine, size, repeats));
  return (2 * size ** 3) / best;
}

/** Returns the seconds of the fastest product of two matrices [size, size], after one that does not count. */
async function fastest(engine: Engine, size: number, times: number): Promise<number> {
  const executable = await engine.compile(product(size));
  const data = new Float32Array(size * size).fill(1 / size);
  const factors = ["a", "b"].map((name): [string, Handle] => [
    name,
    engine.upload({ shape: [size, size], dtype: "f32", data }),
  ]);
  let best = Number.POSITIVE_INFINITY;
  for (let time = 0; time <= times; time++) {
    const start = performance.now();
    const { device } = await executable.run(Object.fromEntries(factors));
    if (time > 0) best = Math.min(best, (performance.now() - start) / 1000);
    for (const handle of Object.values(device)) engine.free(handle);
  }
  for (const [, handle] of factors) engine.free(handle);
  await executable.dispose();
  return best;
}

function product(size: number): Program {
  const t = new Ops(new Graph());
  const [a, b] = [t.input("a", [size, size]), t.input("b", [size, size])];
  return {
    name: "peak",
    inputs: [
      { name: "a", node: a, role: "weight" },
      { name: "b", node: b, role: "weight" },
    ],
    outputs: [{ name: "product", node: t.dot(a, b, [[1], [0]]), role: "device" }],
  };
}
