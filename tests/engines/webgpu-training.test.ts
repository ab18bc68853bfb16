/** Tests that training on a GPU through WebGPU agrees with the CPU, and that the state stays on the GPU between steps. */
import { describe, expect, test as runsHere } from "vitest";
import type { TrainingProgram } from "../../src/compiler/lower/index.js";
import { initialState } from "../lower/harness.js";
import { engines, titleOf } from "./support.js";
import { apart, feedsOf, lowered, plain, trained } from "./training.js";
import { webgpu } from "./webgpu.js";

const test = runsHere.skipIf(webgpu.missing !== undefined);
const size = { backbone: plain(4), side: 12 };
/** A weight that adds one number to all logits. Its gradient is only rounding, which Adam divides by itself. */
const idle = new Set(["metric.beta"]);

function inputsOf({ program }: TrainingProgram, ...roles: string[]) {
  const inputs = program.inputs.filter(({ role }) => roles.includes(role));
  const bytes = inputs.map(({ node }) => node.shape.reduce((a, b) => a * b, node.dtype === "u8" ? 1 : 4));
  return { tensors: inputs.length, bytes: bytes.reduce((a, b) => a + b, 0) };
}

describe(titleOf(webgpu), () => {
  test.each([
    ["prototypes", "adam(lr: 0.002)", "metrics", 20],
    ["maml(rate: 0.1, inner: 2 steps)", "sgd(lr: 0.02, momentum: 0.9)", "meta", 3],
    ["r2d2", "adam(lr: 0.002)", "meta", 3],
  ])(
    "%s by %s: losses as on the CPU to 1e-4, weights to 1e-5",
    async (metric, optimizer, from, steps) => {
      const training = lowered({ metric, from, optimizer, ...size });
      const start = initialState(training, 3);
      const feeds = Array.from({ length: steps }, (_, seed) => feedsOf(training, seed + 1));
      const [gpu, cpu] = [webgpu.make(), engines.onnx.make()];
      const [found, wanted] = [await trained(gpu, training, start, feeds), await trained(cpu, training, start, feeds)];
      wanted.losses.forEach((loss, i) => expect(Math.abs(loss - (found.losses[i] ?? Number.NaN))).toBeLessThan(1e-4));
      for (const path of training.trained) {
        if (idle.has(path)) continue;
        expect(apart(found.state[path], wanted.state[path]), path).toBeLessThan(1e-5);
        // A bias under a batch norm does not move. All other weights have moved a hundred times as far as the bound.
        if (!/conv.*bias$/.test(path)) expect(apart(start[path], wanted.state[path]), path).toBeGreaterThan(1e-3);
      }
      await gpu.dispose();
      await cpu.dispose();
    },
    300_000,
  );

  test("a step sends its feeds and gets its metrics; weights and optimizer state stay, and nothing else", async () => {
    const training = lowered({ metric: "prototypes", from: "metrics", optimizer: "adam(lr: 0.002)", ...size });
    const engine = webgpu.make();
    const steps = 4;
    const held: (number | undefined)[] = [];
    const after: ReturnType<typeof webgpu.make>["transfers"][] = [];
    const feeds = Array.from({ length: steps }, (_, seed) => feedsOf(training, seed));
    await trained(engine, training, initialState(training, 1), feeds, () => {
      after.push(engine.transfers);
      held.push(engine.held);
    });
    const [feed, state] = [inputsOf(training, "feed"), inputsOf(training, "state", "weight")];
    const hosts = training.program.outputs.filter(({ role }) => role === "host").length;
    const first = { tensors: feed.tensors + state.tensors, bytes: feed.bytes + state.bytes };
    for (const [step, transfers] of after.entries()) {
      expect(transfers?.toDevice).toEqual({
        tensors: first.tensors + step * feed.tensors,
        bytes: first.bytes + step * feed.bytes,
      });
      expect(transfers?.fromDevice.tensors).toBe(hosts * (step + 1));
      expect(held[step]).toBe(state.tensors);
    }
    // Only the download at the end copies the state.
    expect(engine.transfers?.fromDevice.tensors).toBe(hosts * steps + state.tensors);
    expect(engine.held).toBe(0);
    await engine.dispose();
  }, 120_000);
});
