/**
 * Compares sums of more than ten million numbers, whose mean is far from 0, with sums in 64-bit numbers. An engine that adds them one
 * after the other into one 32-bit accumulator loses up to a tenth of the result.
 */
import { afterAll, beforeAll, describe, expect, test as runsHere } from "vitest";
import type { Node, Shape } from "../../src/compiler/tensor/ir.js";
import type { Engine } from "../../src/runtime/engines/engine.js";
import { type Candidate, titleOf } from "../engines/support.js";
import { freshOps, programOf, random } from "../tensor/support.js";

/** Two channels of images of 224 pixels. 255 of them, a batch of a large backbone, are 12.8 million numbers a channel. */
const [channels, side] = [2, 224] as const;
const places = side * side;
const eps = 1e-5;

export interface LongSums {
  /** The number of images in the batch. 255 take minutes on a GPU that is simulated. */
  readonly images: number;
}

export function longSumsConform(candidate: Candidate, { images }: LongSums): void {
  const test = runsHere.skipIf(candidate.missing !== undefined);
  let engine: Engine;
  beforeAll(() => {
    if (candidate.missing === undefined) engine = candidate.make();
  });
  afterAll(() => engine?.dispose());

  /** Runs a program of operands with the given values, and returns its outputs. */
  async function computed(
    shapes: readonly Shape[],
    values: readonly Float32Array[],
    build: (o: ReturnType<typeof freshOps>, operands: readonly Node[]) => readonly Node[],
  ): Promise<readonly ArrayLike<number>[]> {
    const o = freshOps();
    const operands = shapes.map((shape, place) => o.input(`x${place}`, shape, "f32"));
    const outputs = build(o, operands);
    const executable = await engine.compile(programOf(outputs, operands));
    const feeds = shapes.map((shape, i) => [`x${i}`, { shape, dtype: "f32", data: values[i] as Float32Array }]);
    const { host } = await executable.run(Object.fromEntries(feeds));
    await executable.dispose();
    return outputs.map((_, place) => host[String(place)]?.data ?? []);
  }

  describe(`sums of many numbers, on ${titleOf(candidate)}`, () => {
    const count = images * places;

    test("of a vector, and of its squares by a product", async () => {
      const x = farFromZero(count);
      const [sum, squares] = await computed([[count]], [x], (o, [v]) => [
        o.sum(v as Node),
        o.dot(v as Node, v as Node, [[0], [0]]),
      ]);
      expectNear(sum, [x.reduce((total, value) => total + value, 0)], 1e-5);
      expectNear(squares, [x.reduce((total, value) => total + value * value, 0)], 1e-5);
    });

    test("of a number of rows that no small number divides", async () => {
      const rows = images === 255 ? 10_000_019 : 700_001;
      const x = farFromZero(2 * rows);
      const [sum] = await computed([[rows, 2]], [x], (o, [v]) => [o.sum(v as Node, [0])]);
      const wanted = [0, 1].map((column) =>
        x.reduce((total, value, i) => (i % 2 === column ? total + value : total), 0),
      );
      expectNear(sum, wanted, 1e-5);
    });

    test("in the gradient of a filter", async () => {
      const x = farFromZero(count);
      const dy = halfLike(x);
      const shape = [images, 1, side, side] as const;
      const window = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1, filterSize: [3, 3] } as const;
      const [gradient] = await computed([shape, shape], [x, dy], (o, [a, b]) => [
        o.conv2dFilterGrad(a as Node, b as Node, window),
      ]);
      expectNear(gradient, filterGradient(x, dy), 1e-5);
    });

    test("in a batch norm, forward and backward", async () => {
      const shape = [images, channels, side, side] as const;
      const x = farFromZero(channels * count);
      const dy = halfLike(x);
      const [total, mean, variance, y, gamma, dx] = await computed([shape, shape], [x, dy], (o, operands) => {
        const [a, b] = operands as [Node, Node];
        const [ones, zeros] = [1, 0].map((v) => o.constant([channels], new Float64Array(channels).fill(v))) as [
          Node,
          Node,
        ];
        return [
          o.sum(b, [0, 2, 3]),
          o.batchMean(a, 1),
          o.batchVariance(a, 1),
          o.sliceAxis(o.batchNorm(a, ones, zeros, { groups: 1, eps }), 0, 0, 1),
          o.graph.op("batch_norm_grad_gamma", [a, b], { groups: 1, eps }),
          o.sliceAxis(o.graph.op("batch_norm_grad_x", [a, ones, b], { groups: 1, eps }), 0, 0, 1),
        ];
      });
      const wanted = batchNorm(x, dy, count);
      expectNear(total, wanted.total, 1e-5);
      expectNear(mean, wanted.mean, 1e-5);
      expectNear(variance, wanted.variance, 1e-5);
      expectNear(y, wanted.y, 1e-5);
      // A third of the sum's terms cancels.
      expectNear(gamma, wanted.gamma, 3e-5);
      expectNear(dx, wanted.dx, 3e-5);
    });
  });
}

/** Fails unless each number is near the wanted one, relative to the largest of them. */
function expectNear(got: ArrayLike<number> | undefined, wanted: readonly number[], tolerance: number): void {
  expect(got?.length).toBe(wanted.length);
  const scale = wanted.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const error = wanted.reduce((largest, value, i) => Math.max(largest, Math.abs(Number(got?.[i]) - value)), 0);
  expect(error / scale).toBeLessThan(tolerance);
}

/** Returns numbers between 2 and 4. */
function farFromZero(count: number): Float32Array {
  const next = random(11);
  return Float32Array.from({ length: count }, () => 2 + 2 * next());
}

/** Returns numbers between 0 and 1 that are correlated with x. */
function halfLike(x: Float32Array): Float32Array {
  const next = random(12);
  return x.map((value) => (value / 2 - 1 + next()) / 2);
}

/** Returns the gradient of a filter of 3 × 3 over padded images of one channel, in 64-bit numbers. */
function filterGradient(x: Float32Array, dy: Float32Array): number[] {
  return [-1, 0, 1].flatMap((down) =>
    [-1, 0, 1].map((right) =>
      dy.reduce((total, slope, place) => {
        const [row, column] = [(Math.floor(place / side) % side) + down, (place % side) + right];
        const inside = row >= 0 && row < side && column >= 0 && column < side;
        return inside ? total + slope * Number(x[place + down * side + right]) : total;
      }, 0),
    ),
  );
}

/** Returns the results of a batch norm with scale 1 and its gradients in 64-bit numbers; y and dx for the first image. */
function batchNorm(x: Float32Array, dy: Float32Array, count: number) {
  const channelOf = (place: number): number => Math.floor(place / places) % channels;
  const at = (values: ArrayLike<number>, place: number): number => values[place] ?? Number.NaN;
  const perChannel = (term: (place: number, channel: number) => number): number[] => {
    const sums = new Array<number>(channels).fill(0);
    for (let place = 0; place < x.length; place++) {
      const channel = channelOf(place);
      sums[channel] = at(sums, channel) + term(place, channel);
    }
    return sums;
  };
  const mean = perChannel((place) => at(x, place)).map((sum) => sum / count);
  const variance = perChannel((place, c) => (at(x, place) - at(mean, c)) ** 2).map((sum) => sum / count);
  const inverse = variance.map((value) => 1 / Math.sqrt(value + eps));
  const normal = (place: number, c: number) => (at(x, place) - at(mean, c)) * at(inverse, c);
  const total = perChannel((place) => at(dy, place));
  const gamma = perChannel((place, c) => at(dy, place) * normal(place, c));
  const first = Array.from({ length: channels * places }, (_, place) => place);
  return {
    total,
    mean,
    variance,
    gamma,
    y: first.map((place) => normal(place, channelOf(place))),
    // dx = inv·(dy − Σdy/N − x̂·Σ(dy·x̂)/N)
    dx: first.map((place) => {
      const c = channelOf(place);
      return at(inverse, c) * (at(dy, place) - at(total, c) / count - (normal(place, c) * at(gamma, c)) / count);
    }),
  };
}
