/** Rewrites: the printed program before and after, the same numbers, and the same derivatives. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cost } from "../../src/compiler/tensor/cost.js";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import { interpret } from "../../src/compiler/tensor/interpret.js";
import type { Node, Program } from "../../src/compiler/tensor/ir.js";
import type { Ops } from "../../src/compiler/tensor/ops.js";
import { optimize } from "../../src/compiler/tensor/passes/optimize.js";
import { print } from "../../src/compiler/tensor/print.js";
import { verify } from "../../src/compiler/tensor/verify.js";
import { reachable } from "../../src/compiler/tensor/walk.js";
import { cases, opNames } from "./cases.js";
import { derivatives } from "./setup.js";
import { draw, expectClose, freshOps, programOf, random, type Spread } from "./support.js";

/** A program of f32 inputs and one result. */
function program(
  shapes: Readonly<Record<string, readonly number[]>>,
  build: (o: Ops, x: Record<string, Node>) => Node,
): Program {
  const o = freshOps();
  const inputs = Object.entries(shapes).map(([name, shape]) => o.input(name, shape));
  const [result] = [build(o, Object.fromEntries(inputs.map((node) => [node.attrs.name, node])))];
  return { ...programOf([result], inputs), outputs: [{ name: "y", node: result, role: "host" }] };
}

/** The optimized program's lines, after it has been held against the first one's numbers. */
function optimized(before: Program, spread: Spread = "distinct"): string[] {
  verify(before);
  const after = optimize(before);
  verify(after);
  const next = random(7);
  const values = Object.fromEntries(
    before.inputs.map(({ name, node }) => [
      name,
      draw({ shape: node.shape, dtype: node.dtype, domain: "real" }, spread, next),
    ]),
  );
  expectClose(interpret(after, values).y?.data ?? [], interpret(before, values).y?.data ?? []);
  expect(print(optimize(after))).toBe(print(after));
  return print(after)
    .split("\n")
    .slice(1, -2)
    .map((line) => line.trim());
}

const a = { a: [2, 3] };

describe("identities", () => {
  const gone: Record<string, (o: Ops, a: Node) => Node> = {
    "x · 1": (o, a) => o.mul(a, 1),
    "1 · x": (o, a) => o.mul(1, a),
    "x + 0": (o, a) => o.add(a, 0),
    "0 + x": (o, a) => o.add(0, a),
    "x − 0": (o, a) => o.sub(a, 0),
    "x / 1": (o, a) => o.div(a, 1),
    "x¹": (o, a) => o.pow(a, 1),
    "−(−x)": (o, a) => o.neg(o.neg(a)),
    "x · 2 · ½": (o, a) => o.mul(o.mul(2, a), 0.5),
    "transpose of transpose": (o, a) => o.transpose(o.transpose(a, [1, 0]), [1, 0]),
    "reshape of reshape": (o, a) => o.reshape(o.reshape(a, [6]), [2, 3]),
    "reverse of reverse": (o, a) => o.reverse(o.reverse(a, [1]), [1]),
    "stop_gradient, after derivatives": (o, a) => o.stopGradient(a),
    "a choice between equals": (o, a) => o.select(o.gt(a, 0), a, a),
    "a choice that is known": (o, a) => o.select(o.gt(o.full([2, 3], 2), 1), a, 0),
    "a cast to its own type": (o, a) => o.graph.op("cast", [a], { to: "f32" }),
    "a sum over what is single": (o, a) => o.sum(o.reshape(a, [2, 1, 3]), [1]),
  };
  for (const [name, build] of Object.entries(gone))
    it(name, () => {
      expect(optimized(program(a, (o, x) => build(o, x.a as Node)))).toEqual([
        "%0: f32[2, 3] = input a  // feed",
        "host y = %0",
      ]);
    });

  const turned: Record<string, [(o: Ops, a: Node) => Node, string]> = {
    "0 − x": [(o, a) => o.sub(0, a), "f32[2, 3] = neg %0"],
    "x · −1": [(o, a) => o.mul(a, -1), "f32[2, 3] = neg %0"],
    "x²": [(o, a) => o.pow(a, 2), "f32[2, 3] = mul %0, %0"],
    "transpose of one wide axis": [(o, a) => o.transpose(o.reshape(a, [1, 6]), [1, 0]), "f32[6, 1] = reshape %0"],
    "transpose of transpose of three": [
      (o, a) => o.transpose(o.transpose(o.reshape(a, [2, 3, 1]), [1, 2, 0]), [2, 0, 1]),
      "f32[2, 3, 1] = reshape %0",
    ],
    "broadcast of broadcast": [
      (o, a) => o.broadcast(o.broadcast(a, [4, 2, 3], [1, 2]), [4, 2, 5, 3], [0, 1, 3]),
      "f32[4, 2, 5, 3] = broadcast %0 {dims: [1, 3]}",
    ],
    "transpose of broadcast": [
      (o, a) => o.transpose(o.broadcast(a, [4, 2, 3], [1, 2]), [1, 0, 2]),
      "f32[2, 4, 3] = broadcast %0 {dims: [0, 2]}",
    ],
    "broadcast that only adds an axis": [(o, a) => o.broadcast(a, [2, 1, 3], [0, 2]), "f32[2, 1, 3] = reshape %0"],
    "sum of sum": [(o, a) => o.sum(o.sum(a, [0]), [0]), "f32[] = reduce_sum %0 {axes: [0, 1]}"],
  };
  for (const [name, [build, line]] of Object.entries(turned))
    it(name, () => {
      expect(optimized(program(a, (o, x) => build(o, x.a as Node)))[1]).toBe(`%1: ${line}`);
    });

  it("keeps 0 · x, which is not 0 where x is infinite, and a division that a product would round twice", () => {
    const ops = (build: (o: Ops, a: Node) => Node) => optimized(program(a, (o, x) => build(o, x.a as Node))).join();
    expect(ops((o, x) => o.mul(x, 0))).toContain("mul");
    expect(ops((o, x) => o.div(x, 3))).toContain("div");
    expect(ops((o, x) => o.div(x, 4))).toContain("mul");
  });

  it("sums before repeating, and counts what is only repeated", () => {
    const before = program({ a: [3, 5] }, (o, x) => o.sum(o.broadcast(x.a as Node, [3, 4, 5, 6], [0, 2]), [1, 2]));
    expect(optimized(before)).toEqual([
      "%0: f32[3, 5] = input a  // feed",
      "%1: f32[3] = reduce_sum %0 {axes: [1]}",
      "%2: f32[3] = const 4",
      "%3: f32[3] = mul %1, %2",
      "%4: f32[3, 6] = broadcast %3 {dims: [0]}",
      "host y = %4",
    ]);
  });
});

describe("constant folding", () => {
  it("computes small constants, and repeated ones of any size", () => {
    const small = program(a, (o, x) =>
      o.add(x.a as Node, o.cast(o.constant([2, 3], [1, 2, 3, 4, 5, 6], "i32"), "f32")),
    );
    expect(optimized(small)[1]).toBe("%1: f32[2, 3] = const 1, 2, 3, 4, 5, 6");
    const large = program({ a: [99, 99] }, (o, x) =>
      o.mul(x.a as Node, o.exp(o.broadcast(o.sub(o.full([99], 1), 1), [99, 99], [1]))),
    );
    expect(optimized(large)).toEqual(["%0: f32[99, 99] = input a  // feed", "host y = %0"]);
  });
  it("leaves large constants that an op describes better to the op", () => {
    const before = program({ a: [5000] }, (o, x) => o.add(x.a as Node, o.cast(o.iota([5000], 0), "f32")));
    expect(optimized(before).join()).toContain("iota");
  });
});

describe("squared distance", () => {
  const distance = (o: Ops, query: Node, prototypes: Node): Node => {
    const shape = [Number(query.shape[0]), Number(prototypes.shape[0]), Number(query.shape[1])];
    return o.sum(o.square(o.sub(o.broadcast(query, shape, [0, 2]), o.broadcast(prototypes, shape, [1, 2]))), [2]);
  };
  const shapes = { q: [6, 8], p: [5, 8] };
  const build = (o: Ops, x: Record<string, Node>) => distance(o, x.q as Node, x.p as Node);

  it("is a matrix product", () => {
    const before = program(shapes, build);
    expect(print(before)).toMatchInlineSnapshot(`
      "program test {
        %0: f32[6, 8] = input q  // feed
        %1: f32[5, 8] = input p  // feed
        %2: f32[6, 5, 8] = broadcast %0 {dims: [0, 2]}
        %3: f32[6, 5, 8] = broadcast %1 {dims: [1, 2]}
        %4: f32[6, 5, 8] = sub %2, %3
        %5: f32[6, 5, 8] = mul %4, %4
        %6: f32[6, 5] = reduce_sum %5 {axes: [2]}
        host y = %6
      }
      "
    `);
    expect(`\n${optimized(before).join("\n")}`).toMatchInlineSnapshot(`
      "
      %0: f32[6, 8] = input q  // feed
      %1: f32[5, 8] = input p  // feed
      %2: f32[6, 5] = dot_general %0, %1 {lhsBatch: [], rhsBatch: [], lhsContract: [1], rhsContract: [1]}
      %3: f32[6, 8] = mul %0, %0
      %4: f32[6] = reduce_sum %3 {axes: [1]}
      %5: f32[6, 5] = broadcast %4 {dims: [0]}
      %6: f32[5, 8] = mul %1, %1
      %7: f32[5] = reduce_sum %6 {axes: [1]}
      %8: f32[6, 5] = broadcast %7 {dims: [1]}
      %9: f32[6, 5] = add %5, %8
      %10: f32[6, 5] = const 2
      %11: f32[6, 5] = mul %2, %10
      %12: f32[6, 5] = sub %9, %11
      %13: f32[6, 5] = const 0
      %14: f32[6, 5] = max %12, %13
      host y = %14"
    `);
    expect(cost(optimize(before)).peakBytes).toBeLessThan(cost(before).peakBytes);
  });

  it("keeps batch axes, whatever their order, and only pays where it saves", () => {
    const batched = program({ q: [8, 2, 6], p: [2, 5, 8] }, (o, x) => {
      const shape = [6, 2, 8, 5];
      const q = o.broadcast(o.transpose(x.q as Node, [2, 1, 0]), shape, [0, 1, 2]);
      const p = o.broadcast(o.transpose(x.p as Node, [0, 2, 1]), shape, [1, 2, 3]);
      return o.sum(o.square(o.sub(q, p)), [2]);
    });
    expect(optimized(batched).join()).toContain("dot_general");
    const alike = program({ a: [6, 8], b: [6, 8] }, (o, x) => o.sum(o.square(o.sub(x.a as Node, x.b as Node)), [1]));
    expect(optimized(alike).join()).not.toContain("dot_general");
  });

  it("is never negative, and 0 between equals up to rounding", () => {
    const before = program(shapes, build);
    const values = {
      q: { shape: [6, 8], dtype: "f32", data: new Array(48).fill(0.1) },
      p: { shape: [5, 8], dtype: "f32", data: new Array(40).fill(0.1) },
    } as const;
    for (const value of interpret(optimize(before), values).y?.data ?? []) {
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThan(1e-12);
    }
  });

  it("is left alone where a derivative holds the differences anyway", () => {
    const o = freshOps();
    const [q, p] = [o.input("q", [30, 16]), o.input("p", [5, 16])];
    const loss = o.sum(o.tanh(distance(o, q, p)));
    const names = (roots: Node[]) =>
      reachable(optimize(programOf(roots, [q, p])).outputs.map(({ node }) => node)).map(({ op }) => op);
    expect(names([loss])).toContain("dot_general");
    expect(names([loss, ...gradient(o.graph, loss, [q, p])])).not.toContain("dot_general");
  });
});

describe("order", () => {
  it("of what is left is kept: parts emitted one after the other stay so, and peak memory with them", () => {
    const before = program({ a: [4, 500], w: [500] }, (o, x) => {
      // Each part makes a large tensor that a rule rewrites, and uses it up before the next.
      const part = (place: number): Node => {
        const row = o.reshape(o.sliceAxis(x.a as Node, 0, place, place + 1), [500]);
        const large = o.exp(o.mul(o.mul(o.broadcast(row, [100, 500], [1]), 2), 0.25));
        return o.sum(o.mul(o.add(large, 0), o.broadcast(x.w as Node, [100, 500], [1])));
      };
      return [0, 1, 2, 3].map(part).reduce((sum, each) => o.add(sum, each));
    });
    const [loose, tight] = [cost(before).peakBytes, cost(optimize(before)).peakBytes];
    expect(loose).toBeLessThan(5 * 200_000);
    expect(tight).toBeLessThanOrEqual(loose);
    const names = reachable(optimize(before).outputs.map(({ node }) => node)).map(({ op }) => op);
    expect(names.lastIndexOf("exp")).toBeGreaterThan(names.indexOf("reduce_sum"));
  });
});

describe("optimized = not, for every op and its first two derivatives", () => {
  for (const op of opNames)
    it(op, () => {
      fc.assert(
        fc.property(
          cases[op],
          fc.constantFrom<Spread>("distinct", "ties", "constant"),
          fc.integer(),
          (one, spread, seed) => {
            const setup = derivatives(freshOps(), one);
            const before = programOf([setup.y, ...setup.first, ...setup.second], setup.inputs);
            const after = optimize(before);
            verify(after);
            const values = setup.draw(spread, random(seed));
            const [wanted, got] = [interpret(before, values), interpret(after, values)];
            for (const { name } of before.outputs) expectClose(got[name]?.data ?? [], wanted[name]?.data ?? []);
          },
        ),
        { numRuns: 6, seed: 4 },
      );
    });
});
