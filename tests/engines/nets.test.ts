/** Compares whole small networks, forward and backward, between each engine that computes in f32 and the f64 interpreter. */
import { afterAll, beforeAll, describe, expect, test as runsHere } from "vitest";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import type { InputTensor } from "../../src/compiler/tensor/interpret.js";
import { interpret } from "../../src/compiler/tensor/interpret.js";
import type { Node } from "../../src/compiler/tensor/ir.js";
import type { Ops } from "../../src/compiler/tensor/ops.js";
import type { Engine, HostTensor } from "../../src/runtime/engines/engine.js";
import { freshOps, programOf, random } from "../tensor/support.js";
import { engines, titleOf } from "./support.js";

/** The bound that the project promises, for each gradient and metric relative to its largest element. */
const tolerance = 1e-4;

interface Shape {
  readonly images: number;
  readonly channels: number;
  readonly px: number;
  readonly width: number;
  readonly groups: number;
  readonly activation: "relu" | "leaky";
  readonly bias: boolean;
}

/** Makes two convolution blocks in every combination that the rewrite of norm blocks knows. The loss is a weighted sum. */
function net(o: Ops, shape: Shape) {
  const weights: Node[] = [];
  const weight = (name: string, of: readonly number[]): Node => {
    const node = o.input(name, of);
    weights.push(node);
    return node;
  };
  const statistics: Node[] = [];
  let x: Node = o.input("images", [shape.images, shape.channels, shape.px, shape.px]);
  for (const block of [0, 1]) {
    const inner = x.shape[1] ?? 1;
    const attrs = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 } as const;
    let y: Node = o.conv2d(x, weight(`w${block}`, [shape.width, inner, 3, 3]), attrs);
    if (shape.bias) y = o.add(y, o.broadcast(weight(`b${block}`, [shape.width]), y.shape, [1]));
    statistics.push(o.batchMean(y, shape.groups), o.batchVariance(y, shape.groups));
    const gamma = weight(`gamma${block}`, [shape.width]);
    y = o.batchNorm(y, gamma, weight(`beta${block}`, [shape.width]), { eps: 1e-5, groups: shape.groups });
    y = shape.activation === "relu" ? o.relu(y) : o.leakyRelu(y, 0.1);
    x = o.maxPool(y, { size: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] });
  }
  const mixture = o.constant(
    x.shape,
    Float64Array.from({ length: x.shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.cos(i * 1.7)),
  );
  const loss = o.sum(o.mul(o.mul(x, x), mixture));
  return { outputs: [loss, x, ...statistics, ...gradient(o.graph, loss, weights)], weights };
}

function filled(node: Node, next: () => number, pixels: "noise" | "ties" | "flat"): HostTensor {
  const data = new Float32Array(node.shape.reduce((a, b) => a * b, 1));
  const name = node.op === "input" ? node.attrs.name : "";
  for (let i = 0; i < data.length; i++) {
    const real = next() * 2 - 1;
    if (name === "images") data[i] = pixels === "noise" ? real : pixels === "ties" ? Math.round(next()) : 1;
    // Gammas have both signs, because the pooled rewrite moves the signs into the filters.
    else if (name.startsWith("gamma")) data[i] = real < 0 ? real - 0.2 : real + 0.2;
    else data[i] = real * 0.5;
  }
  return { shape: node.shape, dtype: "f32", data };
}

const base: Shape = { images: 4, channels: 2, px: 12, width: 5, groups: 1, activation: "relu", bias: true };
const shapes: Record<string, Shape> = {
  plain: base,
  "no bias": { ...base, bias: false },
  "odd sizes": { ...base, px: 11 },
  "leaky, in blocks": { ...base, activation: "leaky", width: 16 },
  "two episodes": { ...base, groups: 2 },
  "wide input": { ...base, channels: 6 },
};

describe.each([engines.onnx, engines.onednn, engines.tensorflow].map((each) => [titleOf(each), each] as const))(
  "%s",
  (_, candidate) => {
    const test = runsHere.skipIf(candidate.missing !== undefined);
    let engine: Engine;
    beforeAll(() => {
      if (candidate.missing === undefined) engine = candidate.make({ threads: 2 });
    });
    afterAll(() => engine?.dispose());

    describe.each(Object.keys(shapes))("conv → norm → activation → pool, %s", (name) => {
      test.each(["noise", "ties"] as const)("%s", async (pixels) => {
        const o = freshOps();
        const { outputs, weights } = net(o, shapes[name] ?? base);
        const images = o.graph.nodes.find((node) => node.op === "input" && node.attrs.name === "images") as Node;
        const program = programOf(outputs, [images, ...weights]);
        const next = random(11);
        const inputs: Record<string, HostTensor> = {};
        for (const input of program.inputs) inputs[input.name] = filled(input.node, next, pixels);
        const executable = await engine.compile(program);
        const { host } = await executable.run(inputs);
        await executable.dispose();
        const wanted = interpret(program, inputs as Record<string, InputTensor>);
        const scaleOf = (data: ArrayLike<number>) => Math.max(0, ...Array.from(data, Math.abs));
        const largest = Math.max(...program.outputs.slice(2).map((output) => scaleOf(wanted[output.name]?.data ?? [])));
        for (const output of program.outputs) {
          const [got, want] = [host[output.name]?.data ?? [], wanted[output.name]?.data ?? []];
          // The gradient of a bias under a batch norm is only rounding, so it is compared with the size of the others.
          const scale = Math.max(scaleOf(want), largest * 1e-3);
          const worst = Math.max(...Array.from(got, (value, i) => Math.abs(value - (want[i] ?? Number.NaN)))) / scale;
          expect(worst, `output ${output.name}`).toBeLessThan(tolerance);
        }
      });
    });

    test("constant images: gradients stay at rounding", async () => {
      const o = freshOps();
      const { outputs, weights } = net(o, base);
      const images = o.graph.nodes.find((node) => node.op === "input" && node.attrs.name === "images") as Node;
      const program = programOf(outputs, [images, ...weights]);
      const next = random(5);
      const inputs = Object.fromEntries(program.inputs.map(({ name, node }) => [name, filled(node, next, "flat")]));
      const executable = await engine.compile(program);
      const { host } = await executable.run(inputs);
      await executable.dispose();
      const wanted = interpret(program, inputs as Record<string, InputTensor>);
      for (const { name } of program.outputs)
        for (const [i, value] of Array.from(host[name]?.data ?? []).entries())
          expect(Math.abs(value - (wanted[name]?.data[i] ?? Number.NaN))).toBeLessThan(1e-3);
    });
  },
);
