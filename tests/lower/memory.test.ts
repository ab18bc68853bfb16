import { describe, expect, it } from "vitest";
import { lowerTraining } from "../../src/compiler/lower/index.js";
import { cost } from "../../src/compiler/tensor/cost.js";
import type { Program } from "../../src/compiler/tensor/ir.js";
import { optimize } from "../../src/compiler/tensor/passes/optimize.js";
import { convNet, dataset, image, meta, prototypes } from "./fixtures.js";

describe("the peak memory of a step", () => {
  const task = { way: 5, shot: 5, query: 15 };
  const network = convNet(image(3, 32), [16, 16]);
  const program = (episodes: number): Program =>
    lowerTraining(meta(network, prototypes(task, 1024), task, episodes), dataset(3, 32), { seed: 0 }).program;

  it("is that of one episode, however many there are", () => {
    const one = cost(program(1)).peakBytes;
    const four = cost(program(4)).peakBytes;
    expect(four).toBeLessThan(1.1 * one);
  });
  it("stays so through the passes", () => {
    const before = cost(program(4)).peakBytes;
    expect(cost(optimize(program(4))).peakBytes).toBeLessThan(1.1 * before);
  });
});
