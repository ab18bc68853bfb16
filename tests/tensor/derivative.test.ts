/** Derivatives of every op against finite differences in f64: the first, and the derivative of the derivative. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import type { InputTensor } from "../../src/compiler/tensor/interpret.js";
import type { Node } from "../../src/compiler/tensor/ir.js";
import type { Ops } from "../../src/compiler/tensor/ops.js";
import { reachable } from "../../src/compiler/tensor/walk.js";
import { cases, opNames } from "./cases.js";
import { derivatives } from "./setup.js";
import { draw, expectClose, freshOps, type Operand, random, runner, type Values } from "./support.js";

const step = 1e-5;

/** `values` moved by `scale` along `by`. */
function moved(values: Values, by: Values, scale: number): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const along = by[name];
      const data =
        along !== undefined ? Array.from(value.data, (x, place) => x + scale * Number(along.data[place])) : value.data;
      return [name, { ...value, data }];
    }),
  );
}
const inner = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, place) => sum + x * Number(b[place]), 0);

describe("first and second derivatives agree with finite differences, and the second is symmetric", () => {
  for (const op of opNames)
    it(op, () => {
      fc.assert(
        fc.property(cases[op], fc.integer(), (one, seed) => {
          if (!one.smooth) return;
          const setup = derivatives(freshOps(), one);
          const next = random(seed);
          const at = setup.draw("distinct", next);
          const run = runner([setup.loss, setup.along, ...setup.first, ...setup.second], setup.inputs);
          const wrt = setup.wrt.map((node) => node.attrs.name);
          const direction = (): InputTensor[] =>
            setup.wrt.map(({ shape }) => draw({ shape, dtype: "f32", domain: "real" }, "distinct", next));
          const u = direction();
          const named = Object.fromEntries(wrt.map((name, place) => [name, u[place] as InputTensor]));
          const [up, down, here] = [run(moved(at, named, step)), run(moved(at, named, -step)), run(at)];
          const slope = (of: number) => (Number(up[of]?.data[0]) - Number(down[of]?.data[0])) / (2 * step);
          const along = (from: number, by: InputTensor[], of = here) =>
            by.reduce((sum, each, place) => sum + inner(each.data, of[from + place]?.data ?? []), 0);
          expectClose([along(2, u)], [slope(0)], 1e-6);
          expectClose([along(2 + wrt.length, u)], [slope(1)], 1e-6);
          // vᵀHu = uᵀHv
          const v = wrt.map((name) => at[`v ${name}`] as InputTensor);
          const turned = run({
            ...at,
            ...Object.fromEntries(wrt.map((name, place) => [`v ${name}`, u[place] as InputTensor])),
          });
          expectClose([along(2 + wrt.length, v, turned)], [along(2 + wrt.length, u)], 1e-9);
        }),
        { numRuns: 15, seed: 1 },
      );
    });
});

describe("what does not change has derivative zero", () => {
  for (const op of opNames)
    it(op, () => {
      fc.assert(
        fc.property(cases[op], fc.integer(), (one, seed) => {
          if (one.smooth) return;
          const setup = derivatives(freshOps(), one);
          const wrt = setup.first.slice(0, -1);
          for (const result of runner(wrt, setup.inputs)(setup.draw("ties", random(seed))))
            expectClose(result.data, new Array(result.data.length).fill(0));
        }),
        { numRuns: 5, seed: 2 },
      );
    });
});

/** d sum(build(x…))/dx at given values. */
function slopes(
  operands: readonly Operand[],
  build: (o: Ops, x: readonly Node[]) => Node,
  data: readonly number[][],
): number[][] {
  const o = freshOps();
  const x = operands.map(({ shape, dtype }, place) => o.input(`x${place}`, shape, dtype));
  const results = runner(gradient(o.graph, o.sum(build(o, x)), x), x);
  const values = operands.map(
    ({ shape, dtype }, place) => [`x${place}`, { shape, dtype, data: data[place] ?? [] }] as const,
  );
  return results(Object.fromEntries(values)).map((result) => Array.from(result.data));
}
const vector = (size: number): Operand => ({ shape: [size], dtype: "f32", domain: "real" });

describe("stated derivatives at kinks", () => {
  it("sqrt: 0 at 0, at every order", () => {
    expect(slopes([vector(2)], (o, [x]) => o.sqrt(x as Node), [[0, 4]])).toEqual([[0, 0.25]]);
    const o = freshOps();
    const x = o.input("x", [2]);
    const [first] = gradient(o.graph, o.sum(o.sqrt(x)), [x]) as [Node];
    const second = gradient(o.graph, o.sum(first), [x]);
    const [result] = runner(second, [x])({ x: { shape: [2], dtype: "f32", data: [0, 4] } });
    expect(Array.from(result?.data ?? [])).toEqual([0, -1 / 32]);
  });
  it("abs, relu, leaky_relu and pow(x, 0)", () => {
    expect(slopes([vector(3)], (o, [x]) => o.abs(x as Node), [[-2, 0, 2]])).toEqual([[-1, 0, 1]]);
    expect(slopes([vector(3)], (o, [x]) => o.relu(x as Node), [[-2, 0, 2]])).toEqual([[0, 0, 1]]);
    expect(slopes([vector(3)], (o, [x]) => o.leakyRelu(x as Node, 0.1), [[-2, 0, 2]])).toEqual([[0.1, 0.1, 1]]);
    expect(
      slopes([vector(2), vector(2)], (o, [x, y]) => o.pow(x as Node, y as Node), [
        [0, 0],
        [0, 2],
      ]),
    ).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
  it("equal operands of max and min, and equal maxima, share alike", () => {
    expect(
      slopes([vector(3), vector(3)], (o, [a, b]) => o.max(a as Node, b as Node), [
        [1, 2, 3],
        [3, 2, 1],
      ]),
    ).toEqual([
      [0, 0.5, 1],
      [1, 0.5, 0],
    ]);
    expect(
      slopes([vector(3), vector(3)], (o, [a, b]) => o.min(a as Node, b as Node), [
        [1, 2, 3],
        [3, 2, 1],
      ]),
    ).toEqual([
      [1, 0.5, 0],
      [0, 0.5, 1],
    ]);
    expect(slopes([vector(4)], (o, [x]) => o.reduceMax(x as Node), [[5, 1, 5, 0]])).toEqual([[0.5, 0, 0.5, 0]]);
  });
  it("the untaken side of a select is kept out, infinite or not", () => {
    expect(
      slopes(
        [vector(2)],
        (o, [x]) => o.select(o.gt(x as Node, 0), o.log(o.select(o.gt(x as Node, 0), x as Node, 1)), 0),
        [[0, 2]],
      ),
    ).toEqual([[0, 0.5]]);
  });
  it("max_pool: the first maximum, row-major, takes all", () => {
    const image: Operand = { shape: [1, 1, 2, 4], dtype: "f32", domain: "real" };
    const window = { size: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] } as const;
    expect(slopes([image], (o, [x]) => o.maxPool(x as Node, window), [[1, 1, 0, 2, 1, 1, 2, 2]])).toEqual([
      [1, 0, 0, 1, 0, 0, 0, 0],
    ]);
  });
});

describe("gradient", () => {
  it("is total where one of wrt depends on another, and zero where the loss does not", () => {
    const o = freshOps();
    const [x, z] = [o.input("x", []), o.input("z", [2])];
    const y = o.mul(x, x);
    const [dx, dy, dz] = runner(gradient(o.graph, o.mul(y, x), [x, y, z]), [x, z])({
      x: { shape: [], dtype: "f32", data: [3] },
      z: { shape: [2], dtype: "f32", data: [1, 1] },
    });
    expect([dx?.data[0], dy?.data[0], ...(dz?.data ?? [])]).toEqual([27, 3, 0, 0]);
  });
  it("counts an operand that a composite is given twice, or that hangs on another, once each", () => {
    // softmax_grad(y, y) goes through its decomposition in y and by its own rule in dy.
    const o = freshOps();
    const x = o.input("x", [3]);
    const twice = (y: Node) => o.graph.op("softmax_grad", [y, y], { axis: 0 });
    const of = (y: Node) => o.sum(o.square(twice(o.tanh(y))));
    const data = [0.3, -0.2, 0.9];
    const run = runner([of(x), ...gradient(o.graph, of(x), [x])], [x]);
    const at = (values: number[]) => run({ x: { shape: [3], dtype: "f32", data: values } });
    const numeric = data.map((_, place) => {
      const nudge = (by: number) => Number(at(data.map((value, i) => (i === place ? value + by : value)))[0]?.data[0]);
      return (nudge(step) - nudge(-step)) / (2 * step);
    });
    expectClose(at(data)[1]?.data ?? [], numeric, 1e-8);
  });
  it("blames derivative nodes on what they differentiate", () => {
    const o = freshOps();
    const x = o.input("x", []);
    const span = { file: "a.fsl", start: 3, end: 7 };
    const y = o.at(span, () => o.tanh(x));
    const [dx] = gradient(o.graph, y, [x]);
    expect(dx?.span).toEqual(span);
  });
  it("emits composites for the derivatives of composites, of batch norm's second derivatives too where they are linear", () => {
    const o = freshOps();
    const x = o.input("x", [2, 3, 4, 4]);
    const [gamma, beta] = [o.input("gamma", [3]), o.input("beta", [3])];
    const y = o.relu(o.batchNorm(x, gamma, beta, { eps: 1e-5, groups: 1 }));
    const ops = new Set<string>();
    const first = gradient(o.graph, o.sum(o.mul(y, y)), [x, gamma]);
    for (const node of o.graph.nodes) ops.add(node.op);
    expect(first.map((node) => node.op)).toEqual(["batch_norm_grad_x", "batch_norm_grad_gamma"]);
    expect(ops).toContain("relu_grad");
    expect(ops).not.toContain("rsqrt");
  });
  it("passes over the images of a batch norm a few times for its second derivative", () => {
    const o = freshOps();
    const shape = [2, 3, 4, 4];
    const [x, gamma, dy, t] = [o.input("x", shape), o.input("gamma", [3]), o.input("dy", shape), o.input("t", shape)];
    const first = o.graph.op("batch_norm_grad_x", [x, gamma, dy], { eps: 1e-5, groups: 1 });
    const [second] = gradient(o.graph, o.sum(o.mul(first, t)), [x]);
    const nodes = reachable([second as Node]);
    expect(nodes.filter(({ op }) => op === "reduce_sum")).toHaveLength(1);
    const arithmetic = nodes.filter(({ op, shape: { length } }) => ["add", "sub", "mul"].includes(op) && length === 4);
    // One product belongs to the sum whose gradient is taken.
    expect(arithmetic).toHaveLength(1 + 7);
  });
});
