/** Tests with the interpreter, without a GPU, that programs rewritten for WebGPU have the same results. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type InputTensor, interpret } from "../../src/compiler/tensor/interpret.js";
import type { DType, Node, Program } from "../../src/compiler/tensor/ir.js";
import type { Ops } from "../../src/compiler/tensor/ops.js";
import { verify } from "../../src/compiler/tensor/verify.js";
import { prepare } from "../../src/runtime/engines/onnx/prepare.js";
import { cases, opNames } from "../tensor/cases.js";
import { draw, expectClose, freshOps, programOf, random, type Spread } from "../tensor/support.js";

function same(program: Program, inputs: Readonly<Record<string, InputTensor>>): Program {
  const { program: prepared } = prepare(program, "gpu");
  verify(prepared);
  const [found, wanted] = [interpret(prepared, inputs), interpret(program, inputs)];
  for (const { name, node } of program.outputs)
    expectClose(found[name]?.data ?? [], wanted[name]?.data ?? [], node.dtype === "f32" ? 1e-9 : 0);
  return prepared;
}

test.each(opNames)("%s", (op) => {
  const spreads: fc.Arbitrary<Spread> = fc.constantFrom("distinct", "ties", "constant");
  fc.assert(
    fc.property(cases[op], spreads, fc.integer(), (it, spread, seed) => {
      const o = freshOps();
      const next = random(seed);
      const nodes = it.operands.map(({ shape, dtype }, place) => o.input(`x${place}`, shape, dtype));
      const result = it.build(o, nodes as never);
      const values = it.operands.map((operand, place) => [`x${place}`, draw(operand, spread, next)] as const);
      same(programOf([result], nodes), Object.fromEntries(values));
    }),
    { numRuns: 50, seed: 5 },
  );
});

test.each([
  ["among few", [1, 2, Number.NaN, 4, 5], 2],
  ["among few, all of them", [Number.NaN, Number.NaN, Number.NaN], 2],
  ["among many", Array.from({ length: 100 }, (_, i) => (i % 3 === 0 ? Number.NaN : i)), 3],
])("places of the largest are places that are there: beside what is no number, %s", (_, data, k) => {
  const o = freshOps();
  const x = o.input("x", [data.length], "f32");
  const { program } = prepare(programOf([o.topK(x, k, 0), o.argmax(x, 0)], [x]), "gpu");
  const found = interpret(program, { x: { shape: [data.length], dtype: "f32", data } });
  for (const place of Object.values(found).flatMap((output) => [...output.data])) {
    expect(place).toBeGreaterThanOrEqual(0);
    expect(place).toBeLessThan(data.length);
  }
});

describe("other types", () => {
  const range: Readonly<Record<DType, number>> = { f32: 5, i32: 1000, u32: 2 ** 32, u8: 256, bool: 2 };
  const moves = (o: Ops, x: Node): Node[] => [
    o.transpose(x, [1, 0]),
    o.sliceAxis(x, 1, 1, 5, 2),
    o.reverse(x, [0, 1]),
    o.concat([x, x], 1),
    o.pad(x, [1, 0], [0, 2], 1),
    o.gather(x, o.constant([3], [2, 0, 2], "i32"), 0),
    o.reshape(x, [6, 3]),
    o.splat(o.reshape(o.slice(x, [1, 1], [2, 2]), []), [2, 2]),
  ];
  test.each(["i32", "u32", "u8", "bool"] as const)("%s: what moves elements", (dtype) => {
    const o = freshOps();
    const x = o.input("x", [3, 6], dtype);
    const next = random(3);
    const data = Array.from({ length: 18 }, () => Math.floor(next() * range[dtype]));
    same(programOf(moves(o, x), [x]), { x: { shape: [3, 6], dtype, data } });
  });

  test("what is computed of u8", () => {
    const o = freshOps();
    const [x, y] = [o.input("x", [4], "u8"), o.input("y", [4], "u8")];
    const [lt, wide] = [o.lt(x, y), o.cast(x, "i32")];
    const outputs = [o.select(lt, x, y), o.cast(x, "f32"), lt, o.cast(o.add(o.mul(wide, 3), 1), "u8")];
    const prepared = same(programOf(outputs, [x, y]), {
      x: { shape: [4], dtype: "u8", data: [250, 3, 255, 0] },
      y: { shape: [4], dtype: "u8", data: [10, 7, 255, 0] },
    });
    expect(prepared.outputs.map(({ node }) => node.dtype)).toEqual(["u8", "f32", "bool", "u8"]);
  });

  test("bits of signed numbers, and of conditions", () => {
    const o = freshOps();
    const [x, y] = [o.input("x", [4], "i32"), o.input("y", [4], "i32")];
    const [a, b] = [o.gt(x, 0), o.gt(y, 0)];
    const outputs = [o.and(x, y), o.or(x, y), o.xor(x, y), o.not(x), o.neg(x), o.abs(x)];
    same(programOf([...outputs, o.and(a, b), o.or(a, b), o.xor(a, b), o.not(a)], [x, y]), {
      x: { shape: [4], dtype: "i32", data: [-1, 5, -300, 2 ** 30] },
      y: { shape: [4], dtype: "i32", data: [77, -5, 12345, -(2 ** 31)] },
    });
  });

  test("a few of many are found one by one, −∞ and ties too", () => {
    const o = freshOps();
    const x = o.input("x", [2, 100]);
    const next = random(9);
    const data = Array.from({ length: 200 }, (_, i) => (i > 102 ? Number.NEGATIVE_INFINITY : Math.floor(next() * 4)));
    same(programOf([o.topK(x, 5, 1), o.topK(o.transpose(x, [1, 0]), 3, 0)], [x]), {
      x: { shape: [2, 100], dtype: "f32", data },
    });
  });

  test("systems of more unknowns", () => {
    const o = freshOps();
    const n = 12;
    const [a, b] = [o.input("a", [2, n, n]), o.input("b", [2, n, 3])];
    const next = random(1);
    const square = Array.from({ length: 2 * n * n }, () => next() - 0.5);
    const spd = Array.from({ length: 2 * n * n }, (_, i) => {
      const [t, r, c] = [Math.floor(i / (n * n)), Math.floor(i / n) % n, i % n];
      let total = r === c ? 0.5 : 0;
      for (let k = 0; k < n; k++) total += Number(square[(t * n + r) * n + k]) * Number(square[(t * n + c) * n + k]);
      return total;
    });
    same(programOf([o.solveSpd(a, b)], [a, b]), {
      a: { shape: [2, n, n], dtype: "f32", data: spd },
      b: { shape: [2, n, 3], dtype: "f32", data: Array.from({ length: 6 * n }, () => next()) },
    });
  });
});
