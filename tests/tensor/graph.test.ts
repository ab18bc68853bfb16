import { describe, expect, it } from "vitest";
import { CompilerBug } from "../../src/common/bug.js";
import { Graph } from "../../src/compiler/tensor/graph.js";
import { Ops } from "../../src/compiler/tensor/ops.js";

describe("graph", () => {
  it("gives equal uses one node, and unequal ones two", () => {
    const o = new Ops(new Graph());
    const x = o.input("x", [2, 3]);
    expect(o.add(x, 1)).toBe(o.add(x, 1));
    expect(o.add(x, 1)).not.toBe(o.add(x, 2));
    expect(o.mul(x, 0)).not.toBe(o.mul(x, -0));
    expect(o.sum(x, [0])).not.toBe(o.sum(x, [1]));
    expect(o.constant([2], [1, 2])).toBe(o.constant([2], Float64Array.of(1, 2)));
    expect(o.constant([2], [1, 2])).not.toBe(o.constant([2], [2, 1]));
    expect(o.constant([1], [Number.NaN])).toBe(o.constant([1], [Number.NaN]));
  });

  it("refuses ill-typed uses, operands of another graph and one input name for two types", () => {
    const o = new Ops(new Graph());
    const x = o.input("x", [2, 3]);
    expect(() => o.add(x, o.input("y", [3, 2]))).toThrow(CompilerBug);
    expect(() => o.add(x, o.input("y", [3, 2]))).toThrow("add(f32[2, 3], f32[3, 2]): operands differ in type");
    expect(() => o.add(x, o.cast(x, "i32"))).toThrow(CompilerBug);
    expect(() => new Ops(new Graph()).neg(x)).toThrow("another graph");
    expect(() => o.input("x", [3, 3])).toThrow("two inputs");
  });

  it("blames a node on the innermost span it was first made in", () => {
    const o = new Ops(new Graph());
    const [outer, inner] = [1, 2].map((start) => ({ file: "a.fsl", start, end: 9 }));
    const x = o.input("x", []);
    const [a, b, c] = o.at(outer, () => [o.neg(x), o.at(inner, () => o.exp(x)), o.log(x)] as const);
    expect([x.span, a.span, b.span, c.span]).toEqual([undefined, outer, inner, outer]);
    expect(o.at(inner, () => o.neg(x)).span).toBe(outer);
  });
});
