/** Programs as wholes: verified, printed, ordered and costed. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CompilerBug } from "../../src/common/bug.js";
import { cost } from "../../src/compiler/tensor/cost.js";
import { gradient, vectorJacobian } from "../../src/compiler/tensor/derivative.js";
import type { Node, Program, ProgramInput } from "../../src/compiler/tensor/ir.js";
import type { Ops } from "../../src/compiler/tensor/ops.js";
import { optimize } from "../../src/compiler/tensor/passes/optimize.js";
import { print } from "../../src/compiler/tensor/print.js";
import { peakBytes, schedule } from "../../src/compiler/tensor/schedule.js";
import { verify } from "../../src/compiler/tensor/verify.js";
import { reachable } from "../../src/compiler/tensor/walk.js";
import { cases, opNames } from "./cases.js";
import { derivatives } from "./setup.js";
import { freshOps, matmul, programOf } from "./support.js";

/** One step of gradient descent on w towards x·w = 1. */
function descent(): { o: Ops; program: Program; w: Node<"input">; x: Node<"input"> } {
  const o = freshOps();
  const span = { file: "a.fsl", start: 9, end: 12 };
  const [x, w, unused] = [o.input("x", [4]), o.input("w", [4]), o.input("label", [], "i32")];
  const loss = o.at(span, () => o.square(o.sub(o.sum(o.mul(x, w)), 1)));
  const [dw] = gradient(o.graph, loss, [w]) as [Node];
  const program: Program = {
    name: "descent",
    inputs: [
      { name: "x", node: x, role: "feed" },
      { name: "label", node: unused, role: "feed" },
      { name: "w", node: w, role: "state", next: "next w" },
    ],
    outputs: [
      { name: "loss", node: loss, role: "host" },
      { name: "next w", node: o.sub(w, o.mul(dw, 0.1)), role: "state" },
    ],
  };
  return { o, program, w, x };
}

describe("verify", () => {
  const broken = (change: (program: Program) => Program): (() => void) => {
    const { program } = descent();
    return () => verify(change(program));
  };
  const inputs =
    (change: (input: ProgramInput) => ProgramInput | undefined) =>
    (program: Program): Program => ({
      ...program,
      inputs: program.inputs.flatMap((input) => change(input) ?? []),
    });

  it("passes a sound program, before and after passes", () => {
    const { program } = descent();
    verify(program);
    verify(optimize(program));
    expect(optimize(program).inputs.map(({ name, role }) => `${role} ${name}`)).toEqual([
      "feed x",
      "feed label",
      "state w",
    ]);
  });

  const faults: [string, (program: Program) => Program, string][] = [
    [
      "an input that is not listed",
      inputs((input) => (input.name === "x" ? undefined : input)),
      "input x is used but not listed",
    ],
    [
      "an input under another's name",
      inputs((input) => ({ ...input, name: `${input.name}2` })),
      "is the node of another",
    ],
    ["two inputs of one name", (p) => ({ ...p, inputs: [...p.inputs, ...p.inputs] }), "two inputs are named x"],
    [
      "two outputs of one name",
      (p) => ({ ...p, outputs: p.outputs.map((output) => ({ ...output, name: "y" })) }),
      "two outputs are named y",
    ],
    ["a state without a successor", inputs(({ next: _, ...input }) => input), "state w is followed by no output"],
    [
      "a state whose successor is read by the host",
      inputs((input) => (input.next ? { ...input, next: "loss" } : input)),
      "followed by host output",
    ],
    ["a feed with a successor", inputs((input) => ({ ...input, next: "next w" })), "feed x names a successor"],
    [
      "two states with one successor",
      inputs((input) => (input.name === "x" ? { ...input, role: "state", next: "next w" } : input)),
      "follows two states",
    ],
    [
      "a state output that follows nothing",
      inputs((input) => (input.name === "w" ? { name: "w", node: input.node, role: "weight" } : input)),
      "follows no input",
    ],
    [
      "a successor of another type",
      (p) => ({
        ...p,
        outputs: p.outputs.map((output) => ({ ...output, role: "state", node: p.outputs[0]?.node as Node })),
      }),
      "its successor f32[]",
    ],
  ];
  for (const [name, change, message] of faults)
    it(`finds ${name}`, () => {
      expect(broken(change)).toThrow(CompilerBug);
      expect(broken(change)).toThrow(message);
    });

  it("finds a node whose type is not its op's, and one that depends on itself", () => {
    const { o, x } = descent();
    const wrong = { ...o.neg(x), shape: [5] } as Node;
    expect(() => verify(programOf([wrong], [x]))).toThrow("says f32[5], is f32[4]");
    const ring = { ...o.neg(x), inputs: [] as Node[] };
    ring.inputs.push(o.graph.nodes[0] as Node, { ...o.neg(x), inputs: [ring as Node] } as Node);
    expect(() => verify(programOf([ring as Node], [x]))).toThrow("depends on itself");
  });
});

describe("print", () => {
  it("shows nodes in order under the lines that they come from", () => {
    const { program } = descent();
    expect(print(program, { source: () => "fsl 1\n\n  loss = (x · w - 1)²\n" })).toMatchInlineSnapshot(`
      "program descent {
        %0: f32[4] = input x  // feed
        %1: f32[4] = input w  // state → next w
        // a.fsl:3  loss = (x · w - 1)²
        %2: f32[4] = mul %0, %1
        %3: f32[] = reduce_sum %2 {axes: [0]}
        %4: f32[] = const 1
        %5: f32[] = sub %3, %4
        %6: f32[] = mul %5, %5
        %7: f32[] = mul %4, %5
        %8: f32[] = add %7, %7
        %9: f32[4] = broadcast %8 {dims: []}
        %10: f32[4] = mul %9, %0
        // no line of source
        %11: f32[4] = const 0.1
        %12: f32[4] = mul %10, %11
        %13: f32[4] = sub %1, %12
        // feed label is not used
        host loss = %6
        state next w = %13
      }
      "
    `);
    expect(print(program)).toContain("// a.fsl@9");
  });
});

describe("schedule", () => {
  it("gives every node once, operands first, and never a worse peak than the order of making", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...opNames).chain((op) => cases[op]),
        (one) => {
          const setup = derivatives(freshOps(), one);
          const outputs = [setup.y, ...setup.first, ...setup.second];
          const order = schedule(outputs);
          const made = reachable(outputs);
          expect(new Set(order)).toEqual(new Set(made));
          expect(order).toHaveLength(made.length);
          const place = new Map(order.map((node, at) => [node, at]));
          for (const node of order)
            for (const input of node.inputs) expect(place.get(input)).toBeLessThan(place.get(node) as number);
          expect(peakBytes(order, outputs)).toBeLessThanOrEqual(peakBytes(made, outputs));
        },
      ),
      { numRuns: 100, seed: 9 },
    );
  });

  it("uses up what is large as soon as it can", () => {
    const o = freshOps();
    const seeds = Array.from({ length: 10 }, (_, place) => o.input(`x${place}`, []));
    // Made breadth first: ten large tensors, then ten sums.
    const large = seeds.map((seed) => o.splat(seed, [1000]));
    const sums = large.map((each) => o.sum(o.exp(each)));
    expect(peakBytes(reachable(sums), sums)).toBeGreaterThan(10 * 4000);
    expect(peakBytes(schedule(sums), sums)).toBeLessThan(3 * 4000);
  });

  it("sees when a node has become the last user of what is large", () => {
    const o = freshOps();
    const large = Array.from({ length: 10 }, (_, place) => {
      const each = o.exp(o.splat(o.input(`x${place}`, []), [1000]));
      return { each, sum: o.sum(each) };
    });
    const outputs = large.flatMap(({ each, sum }) => [sum, o.reduceMax(each)]);
    expect(peakBytes(reachable(outputs), outputs)).toBeGreaterThan(10 * 4000);
    expect(peakBytes(schedule(outputs), outputs)).toBeLessThan(3 * 4000);
  });

  it("counts what is alive: results beside the operands that end with them, outputs to the end", () => {
    const o = freshOps();
    const x = o.input("x", [10]);
    const [a, b] = [o.exp(x), o.exp(o.exp(x))];
    expect(peakBytes([x, a, b], [b])).toBe(80);
    expect(peakBytes([x, a, b, o.sum(b)], [o.sum(b)])).toBe(80);
    expect(peakBytes([x, a, o.sum(a), b], [a, b, o.sum(a)])).toBe(84);
  });
});

describe("cost", () => {
  const of = (build: (o: Ops) => { outputs: Node[]; inputs: Node[] }): ReturnType<typeof cost> => {
    const { outputs, inputs } = build(freshOps());
    return cost(programOf(outputs, inputs));
  };
  it("counts multiply-adds twice: matrix products, and a convolution's three products alike", () => {
    expect(
      of((o) => {
        const [a, b] = [o.input("a", [3, 4]), o.input("b", [4, 5])];
        return { outputs: [matmul(o, a, b)], inputs: [a, b] };
      }),
    ).toEqual({ flops: 2 * 3 * 4 * 5, bytes: 4 * (12 + 20 + 15), peakBytes: 4 * (12 + 20 + 15), parameters: 0 });
    const one = 2 * (2 * 6 * 8 * 8) * (3 * 9);
    const all = of((o) => {
      const [x, w] = [o.input("x", [2, 3, 8, 8]), o.input("w", [6, 3, 3, 3])];
      const y = o.conv2d(x, w, { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 });
      const seed = o.input("dy", y.shape);
      return { outputs: [y, ...vectorJacobian(o.graph, [{ of: y, by: seed }], [x, w])], inputs: [x, w, seed] };
    });
    expect(all.flops).toBe(3 * one);
  });
  it("counts a composite by its primitives, and as one kernel for its traffic", () => {
    const { flops, bytes } = of((o) => {
      const x = o.input("x", [10]);
      return { outputs: [o.relu(x)], inputs: [x] };
    });
    expect([flops, bytes]).toEqual([10, 80]);
  });
  it("counts parameters in weights and states, and their bytes as always alive", () => {
    const { program } = descent();
    expect(cost(program).parameters).toBe(4);
    // x, w and the label; then x·w and what the update needs.
    expect(cost(program).peakBytes).toBeGreaterThanOrEqual(4 * (4 + 4 + 1 + 4 + 4));
    expect(
      cost({ ...program, inputs: program.inputs.map(({ name, node }) => ({ name, node, role: "feed" })) }).parameters,
    ).toBe(0);
  });
});
