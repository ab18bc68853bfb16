/** Tests what is particular to the engine on oneDNN: fused primitives, long sums, and networks that have diverged. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { interpret } from "../../src/compiler/tensor/interpret.js";
import type { Node } from "../../src/compiler/tensor/ir.js";
import type { Engine, HostTensor } from "../../src/runtime/engines/engine.js";
import { loadLibrary } from "../../src/runtime/engines/onednn/library.js";
import { findOnednn } from "../../src/runtime/engines/onednn/locate.js";
import { lowerProgram } from "../../src/runtime/engines/onednn/program.js";
import { expectClose, freshOps, programOf, random } from "../tensor/support.js";
import { engines, titleOf } from "./support.js";

const location = findOnednn();
const padded = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 } as const;
const halves = { size: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] } as const;

describe.skipIf(location === undefined)(titleOf(engines.onednn), () => {
  let engine: Engine;
  beforeAll(() => {
    engine = engines.onednn.make({ threads: 2 });
  });
  afterAll(() => engine?.dispose());

  const run = async (outputs: readonly Node[], feeds: Readonly<Record<string, HostTensor>>): Promise<number[][]> => {
    const inputs = Object.keys(feeds).map((name) => ({ name, ...(feeds[name] as HostTensor) }));
    const nodes = inputs.map((input) => {
      const found = outputs.flatMap((output) => ancestors(output)).find((node) => isInput(node, input.name));
      if (found === undefined) throw new Error(`no input ${input.name}`);
      return found;
    });
    const executable = await engine.compile(programOf(outputs, nodes));
    const { host } = await executable.run(feeds);
    await executable.dispose();
    return outputs.map((_, place) => Array.from(host[String(place)]?.data ?? []));
  };

  test("a block of convolution, norm, ReLU and pool is three primitives forward, and four backward", () => {
    const o = freshOps();
    const [x, w, gamma, beta] = [
      o.input("x", [4, 32, 8, 8]),
      o.input("w", [32, 32, 3, 3]),
      o.input("g", [32]),
      o.input("b", [32]),
    ];
    const seen = o.conv2d(x, w, padded);
    const settings = { eps: 1e-5, groups: 1 };
    const active = o.relu(o.batchNorm(seen, gamma, beta, settings));
    const pooled = o.maxPool(active, halves);
    const dy = o.input("dy", pooled.shape);
    const masked = o.graph.op(
      "relu_grad",
      [o.graph.op("batch_norm", [seen, gamma, beta], settings), o.maxPoolGrad(active, pooled, dy, halves)],
      {},
    );
    const dx = o.graph.op("batch_norm_grad_x", [seen, gamma, masked], settings);
    const outputs = [
      pooled,
      o.graph.op("batch_norm_grad_gamma", [seen, masked], settings),
      o.sum(masked, [0, 2, 3]),
      o.graph.op("conv2d_filter_grad", [x, dx], { ...padded, filterSize: [3, 3] }),
      o.graph.op("conv2d_input_grad", [dx, w], { ...padded, inputSize: [8, 8] }),
    ];
    const library = loadLibrary(location ?? { library: "", koffi: "" });
    const { builder } = lowerProgram(library, programOf(outputs, [x, w, gamma, beta, dy]), {});
    const kernels = builder.steps.map(({ kernel }) => kernel).filter((kernel) => kernel !== "reorder");
    expect(kernels.sort()).toEqual([
      "NaN check",
      "NaN check",
      "batch norm, ReLU",
      "batch norm, gradients",
      "convolution",
      "convolution, data gradient",
      "convolution, filter gradient",
      "max pool",
      "max pool, gradient",
    ]);
    builder.dispose();
    library.dispose();
  });

  test("in evaluation, a norm goes into the convolution before it, which adds its bias and applies the ReLU", () => {
    const o = freshOps();
    const [x, w, scale, shift] = [
      o.input("x", [2, 16, 8, 8]),
      o.input("w", [16, 16, 3, 3]),
      o.input("s", [16]),
      o.input("t", [16]),
    ];
    const result = o.relu(o.channelAffine(o.conv2d(x, w, padded), scale, shift));
    const library = loadLibrary(location ?? { library: "", koffi: "" });
    const constants = Object.fromEntries(
      [w, scale, shift].map((node) => [
        node.op === "input" ? node.attrs.name : "",
        { shape: node.shape, dtype: node.dtype, data: new Float32Array(node.shape.reduce((a, b) => a * b, 1)).fill(1) },
      ]),
    );
    const { builder } = lowerProgram(library, programOf([result], [x, w, scale, shift]), constants);
    // What depends on constants only is computed once.
    expect(builder.steps.map(({ kernel }) => kernel).filter((kernel) => kernel !== "reorder")).toEqual([
      "convolution",
      "NaN check of images",
      "NaN check",
    ]);
    builder.dispose();
    library.dispose();
  });

  test.each([
    [2, 3, 1, 4, 4],
    [2, 3, 1, 8, 16],
    [2, 1, 0, 4, 4],
    [2, 2, 0, 4, 8],
    [3, 3, 0, 9, 4],
  ])("data gradients at stride %i of a filter of side %i are right", async (stride, kernel, pad, side, channels) => {
    const o = freshOps();
    const out = Math.floor((side + 2 * pad - kernel) / stride) + 1;
    const [dy, w] = [o.input("dy", [2, 6, out, out]), o.input("w", [6, channels, kernel, kernel])];
    const attrs = { stride: [stride, stride], pad: [pad, pad, pad, pad], groups: 1, inputSize: [side, side] } as const;
    const dx = o.graph.op("conv2d_input_grad", [dy, w], attrs);
    const next = random(1);
    const feed = ({ shape }: Node): HostTensor => ({
      shape,
      dtype: "f32",
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() - 0.5),
    });
    const feeds = { dy: feed(dy), w: feed(w) };
    const [found = []] = await run([dx], feeds);
    expectClose(found, interpret(programOf([dx], [dy, w]), feeds)["0"]?.data ?? [], 1e-5);
  });

  test.each([
    ["with channels in blocks", 32, 1],
    ["of several groups", 32, 4],
    ["with three channels", 3, 4],
    ["with channels that fill no block", 20, 2],
  ])("sums, differences and products of large images %s are right", async (_, c, groups) => {
    const o = freshOps();
    const shape = [4, c, 28, 28];
    const [x, y, values] = [o.input("x", shape), o.input("y", shape), o.input("values", [groups, c])];
    const spread = o.reshape(o.broadcast(values, [groups, 4 / groups, c, 28, 28], [0, 2]), shape);
    const made = o.batchNorm(x, o.full([c], 1), o.full([c], 0), { eps: 1e-5, groups: 1 });
    const outputs = [o.sub(o.mul(spread, made), y), o.sub(o.add(made, y), spread), o.mul(y, made)];
    const next = random(1);
    const feeds = Object.fromEntries(
      [x, y, values].map((node) => {
        const data = Float32Array.from({ length: node.shape.reduce((a, b) => a * b, 1) }, () => next() - 0.5);
        return [node === x ? "x" : node === y ? "y" : "values", { shape: node.shape, dtype: "f32" as const, data }];
      }),
    );
    const wanted = interpret(programOf(outputs, [x, y, values]), feeds);
    for (const [place, found] of (await run(outputs, feeds)).entries())
      expectClose(found, wanted[String(place)]?.data ?? [], 1e-5);
  });

  test("a program that does not fit into memory is refused by its kind and size", async () => {
    const o = freshOps();
    const x = o.input("x", [2 ** 20]);
    const wide = o.exp(o.broadcast(x, [2 ** 20, 2 ** 22], [0]));
    const refused = await engine
      .compile(programOf([o.sum(o.mul(wide, o.exp(wide)))], [x]))
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ kind: "out-of-memory", message: expect.stringMatching(/cannot allocate \d+ MiB/) });
  });

  test("a sum of sixteen million terms is accurate", async () => {
    const o = freshOps();
    const x = o.input("x", [2 ** 24]);
    const data = new Float32Array(2 ** 24).fill(0.1);
    const [[sum = 0] = []] = await run([o.sum(x)], { x: { shape: x.shape, dtype: "f32", data } });
    expect(Math.abs(sum / (2 ** 24 * Math.fround(0.1)) - 1)).toBeLessThan(1e-6);
  });

  test("the statistics of a million pixels far from 0 are accurate", async () => {
    const o = freshOps();
    const x = o.input("x", [16, 16, 256, 256]);
    const gamma = o.full([16], 1);
    const y = o.batchNorm(x, gamma, o.full([16], 0), { eps: 1e-5, groups: 1 });
    const data = Float32Array.from({ length: 16 * 16 * 256 * 256 }, (_, i) => 10 + Math.sin(i * 0.7));
    const [mean = [], variance = []] = await run([o.batchMean(x, 1), o.batchVariance(x, 1), o.sum(y)], {
      x: { shape: x.shape, dtype: "f32", data },
    });
    let [sum, squares] = [0, 0];
    const plane = 256 * 256;
    for (let image = 0; image < 16; image++) for (let i = 0; i < plane; i++) sum += data[image * 16 * plane + i] ?? 0;
    const exact = sum / (16 * plane);
    for (let image = 0; image < 16; image++)
      for (let i = 0; i < plane; i++) squares += ((data[image * 16 * plane + i] ?? 0) - exact) ** 2;
    expect(Math.abs((mean[0] ?? 0) - exact)).toBeLessThan(1e-4);
    expect(Math.abs((variance[0] ?? 0) / (squares / (16 * plane)) - 1)).toBeLessThan(1e-4);
  });

  test.each([true, false])(
    "a network that has diverged is NaN behind its ReLUs and max pools too (norm: %s)",
    async (norm) => {
      const o = freshOps();
      const [x, w] = [o.input("x", [2, 2, 6, 6]), o.input("w", [3, 2, 3, 3])];
      const seen = o.conv2d(x, w, padded);
      const y = o.relu(norm ? o.batchNorm(seen, o.full([3], 1), o.full([3], 0), { eps: 1e-5, groups: 1 }) : seen);
      const [found = []] = await run([o.mean(o.maxPool(y, halves))], {
        x: { shape: x.shape, dtype: "f32", data: new Float32Array(144).fill(1) },
        w: { shape: w.shape, dtype: "f32", data: new Float32Array(54).fill(1).fill(Number.NaN, 17, 18) },
      });
      expect(found).toEqual([Number.NaN]);
    },
  );

  test.each([
    ["the filters of the first of two convolutions", "w"],
    ["the filters of the second", "v"],
    ["the scale of a norm", "gamma"],
    ["the shift of a norm", "beta"],
  ])("a NaN in %s is a NaN behind the ReLU", async (_, broken) => {
    const o = freshOps();
    const shapes = { x: [2, 2, 6, 6], w: [3, 2, 3, 3], v: [3, 3, 3, 3], gamma: [3], beta: [3] };
    const inputs = Object.entries(shapes).map(([name, shape]) => o.input(name, shape));
    const [x, w, v, gamma, beta] = inputs as [Node, Node, Node, Node, Node];
    const normed = o.relu(o.batchNorm(o.conv2d(x, w, padded), gamma, beta, { eps: 1e-5, groups: 1 }));
    const direct = o.relu(o.conv2d(o.relu(o.conv2d(x, w, padded)), v, padded));
    const feeds = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => {
        const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1);
        if (name === broken) data[1] = Number.NaN;
        return [name, { shape, dtype: "f32" as const, data }];
      }),
    );
    const results = await run([o.mean(o.maxPool(normed, halves)), o.mean(direct)], feeds);
    const isBroken = (names: readonly string[]): boolean => names.includes(broken);
    expect(results.flat().map(Number.isNaN)).toEqual([isBroken(["w", "gamma", "beta"]), isBroken(["w", "v"])]);
  });

  test("a NaN in the last image is a NaN behind a convolution with a ReLU, and behind a max pool", async () => {
    const o = freshOps();
    const [x, w] = [o.input("x", [2, 2, 6, 6]), o.input("w", [3, 2, 3, 3])];
    const data = new Float32Array(144).fill(1).fill(Number.NaN, 140, 141);
    const results = await run([o.mean(o.relu(o.conv2d(x, w, padded))), o.mean(o.maxPool(x, halves))], {
      x: { shape: x.shape, dtype: "f32", data },
      w: { shape: w.shape, dtype: "f32", data: new Float32Array(54).fill(1) },
    });
    expect(results.flat()).toEqual([Number.NaN, Number.NaN]);
  });
});

const isInput = (node: Node, name: string): boolean => node.op === "input" && node.attrs.name === name;
const ancestors = (node: Node): Node[] => [node, ...node.inputs.flatMap(ancestors)];
