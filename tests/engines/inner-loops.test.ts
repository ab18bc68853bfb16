/** Compares steps of meta-learners, with episodes batched or one by one, between the ONNX engine and the interpreter. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/runtime/engines/engine.js";
import { createEngine } from "../../src/runtime/engines/index.js";
import { initialState } from "../lower/harness.js";
import { apart, exact, feedsOf, lowered, plain, trained } from "./training.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine("onnx", { device: "cpu", threads: 1 });
});
afterAll(() => engine.dispose());

describe("one step of SGD", () => {
  it.each([
    "maml(rate: 0.3, inner: 2 steps)",
    "fomaml(rate: 0.3, inner: 2 steps)",
    "maml_inductive(rate: 0.3, inner: 2 steps)",
  ])("%s", async (metric) => {
    const training = lowered({ metric, from: "meta", optimizer: "sgd(lr: 0.5)", backbone: plain(4), side: 12 });
    const start = initialState(training, 3);
    const feeds = [feedsOf(training, 5)];
    const expected = exact(training, start, feeds);
    const found = await trained(engine, training, start, feeds);
    expect(found.losses[0]).toBeCloseTo(expected.losses[0] ?? Number.NaN, 4);
    for (const path of [...training.trained, "encoder.batch_norm.0.running_mean"]) {
      const own = expected.state[path] ?? [];
      const size = Math.max(...own.map(Math.abs));
      found.state[path]?.forEach((value, i) =>
        expect(Math.abs(value - (own[i] ?? Number.NaN)), path).toBeLessThan(2e-4 * size),
      );
    }
  });
});

/** Weights that no loss depends on, because they add one number to all logits. Adam divides their rounding errors by themselves. */
const idle = ["metric.beta"];

describe("five steps", () => {
  const lr = 2e-3;
  it.each([
    ["maml(rate: 0.1, inner: 3 steps)", `adam(lr: ${lr})`],
    ["maml(rate: 0.1, inner: 3 steps)", "sgd(lr: 0.02, momentum: 0.9)"],
    ["anil(rate: 0.1, inner: 3 steps)", `adam(lr: ${lr})`],
    ["r2d2", `adam(lr: ${lr})`],
    ["reptile(rate: 0.1, inner: 3 steps)", "sgd(lr: 0.5) loss approach"],
  ])(
    "%s by %s: weights to 1e-5, losses to 1e-4",
    async (metric, optimizer) => {
      const training = lowered({ metric, from: "meta", optimizer, backbone: plain(8), side: 16 });
      // From other starts a pixel may cross the kink of a ReLU by a rounding error. Five steps of SGD then grow the difference to 1e-3.
      const start = initialState(training, 8);
      const feeds = [1, 2, 3, 4, 5].map((seed) => feedsOf(training, seed));
      const expected = exact(training, start, feeds);
      const found = await trained(engine, training, start, feeds);
      expected.losses.forEach((loss, i) => expect(Math.abs(loss - (found.losses[i] ?? Number.NaN))).toBeLessThan(1e-4));
      for (const path of training.trained) {
        const most = idle.includes(path) ? lr * feeds.length : 1e-5;
        expect(apart(expected.state[path], found.state[path]), path).toBeLessThan(most);
        // A bias under a batch norm does not move. All other weights have moved a hundred times as far as the bound.
        if (!idle.includes(path) && !path.includes("conv") && !path.endsWith("lambda"))
          expect(apart(expected.state[path], start[path]), path).toBeGreaterThan(100 * most);
      }
    },
    60_000,
  );
});
