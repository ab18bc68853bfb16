/** The interpreter against loops written straight from each op's definition, and composites against their primitives. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CompilerBug } from "../../src/common/bug.js";
import { threefry2x32 } from "../../src/compiler/tensor/decompose/random.js";
import { decompose, isComposite } from "../../src/compiler/tensor/decompose.js";
import { interpret } from "../../src/compiler/tensor/interpret.js";
import type { DType, Node, Shape } from "../../src/compiler/tensor/ir.js";
import type { Ops } from "../../src/compiler/tensor/ops.js";
import { outputSize } from "../../src/compiler/tensor/shape.js";
import { reachable } from "../../src/compiler/tensor/walk.js";
import { cases, opNames } from "./cases.js";
import { draw, expectClose, freshOps, programOf, random, runner, type Spread, type Values } from "./support.js";

const spreads = fc.constantFrom<Spread>("distinct", "ties", "constant");
type Read = (...index: (number | undefined)[]) => number;
const { EPSILON } = Number;

/** A tensor read by indices; outside of it, `fill`. */
function reader(shape: Shape, data: ArrayLike<number>, fill = 0): Read {
  return (...index) => {
    const places = index.map(Number);
    if (places.some((place, axis) => place < 0 || place >= Number(shape[axis]))) return fill;
    return Number(data[places.reduce((at, place, axis) => at * Number(shape[axis]) + place, 0)]);
  };
}
/** Every index of `shape`, row-major. */
function* indices(shape: Shape): Generator<number[]> {
  const [first, ...rest] = shape;
  if (first === undefined) yield [];
  else for (let place = 0; place < first; place++) for (const others of indices(rest)) yield [place, ...others];
}
const total = (shape: Shape, of: (...index: number[]) => number): number => {
  let sum = 0;
  for (const index of indices(shape)) sum += of(...index);
  return sum;
};

/** One op on given operands. */
function run(
  build: (o: Ops, x: [Node, Node, Node]) => Node,
  ...operands: { shape: Shape; dtype?: DType; data: readonly number[] }[]
) {
  const o = freshOps();
  const inputs = operands.map(({ shape, dtype }, place) => o.input(`x${place}`, shape, dtype));
  const values = Object.fromEntries(
    operands.map(({ shape, dtype = "f32", data }, place) => [`x${place}`, { shape, dtype, data }]),
  );
  const [result] = runner([build(o, inputs as unknown as [Node, Node, Node])], inputs)(values);
  return { shape: result?.shape ?? [], dtype: result?.dtype, data: Array.from(result?.data ?? []) };
}
const vector = (...data: number[]) => ({ shape: [data.length], data });

describe("ops by their definitions", () => {
  const shapes = fc.record({
    n: fc.integer({ min: 1, max: 2 }),
    groups: fc.integer({ min: 1, max: 2 }),
    inner: fc.integer({ min: 1, max: 2 }),
    outer: fc.integer({ min: 1, max: 3 }),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    image: fc.tuple(fc.integer({ min: 3, max: 6 }), fc.integer({ min: 3, max: 6 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    pad: fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)),
    seed: fc.integer(),
  });
  const drawn = (shape: Shape, next: () => number, spread: Spread = "distinct") => ({
    shape,
    data: Array.from(draw({ shape, dtype: "f32", domain: "real" }, spread, next).data),
  });

  it("conv2d and its two gradients", () => {
    fc.assert(
      fc.property(shapes, ({ n, groups, inner, outer, kernel: [kh, kw], image: [h, w], stride, pad, seed }) => {
        const next = random(seed);
        const attrs = { stride, pad, groups };
        const [oh, ow] = outputSize([h, w], [kh, kw], attrs);
        const x = drawn([n, inner * groups, h, w], next);
        const filters = drawn([outer * groups, inner, kh, kw], next);
        const dy = drawn([n, outer * groups, oh, ow], next);
        const [X, W, D] = [x, filters, dy].map(({ shape, data }) => reader(shape, data)) as [Read, Read, Read];
        const from = (place: number, axis: 0 | 1, offset: number) => place * stride[axis] - pad[axis] + offset;
        const input = (o: number, i: number) => Math.floor(o / outer) * inner + i;
        const y = [...indices(dy.shape)].map(([b, o, r, c]) =>
          total(
            [inner, kh, kw],
            (i, p, q) =>
              X(
                b,
                input(o as number, i as number),
                from(r as number, 0, p as number),
                from(c as number, 1, q as number),
              ) * W(o, i, p, q),
          ),
        );
        expectClose(run((o, [a, f]) => o.conv2d(a, f, attrs), x, filters).data, y);
        const dw = [...indices(filters.shape)].map(([o, i, p, q]) =>
          total(
            [n, oh, ow],
            (b, r, c) =>
              X(
                b,
                input(o as number, i as number),
                from(r as number, 0, p as number),
                from(c as number, 1, q as number),
              ) * D(b, o, r, c),
          ),
        );
        expectClose(run((o, [a, d]) => o.conv2dFilterGrad(a, d, { ...attrs, filterSize: [kh, kw] }), x, dy).data, dw);
        const dx = [...indices(x.shape)].map(([b, ch, r, c]) =>
          total([outer * groups, inner, kh, kw], (o, i, p, q) => {
            const [row, column] = [Number(r) - Number(p) + pad[0], Number(c) - Number(q) + pad[1]];
            const reads = input(o as number, i as number) === ch && row % stride[0] === 0 && column % stride[1] === 0;
            return reads ? D(b, o, row / stride[0], column / stride[1]) * W(o, i, p, q) : 0;
          }),
        );
        expectClose(run((o, [d, f]) => o.conv2dInputGrad(d, f, { ...attrs, inputSize: [h, w] }), dy, filters).data, dx);
      }),
      { numRuns: 40, seed: 5 },
    );
  });

  it("pools, whose winner is the first maximum", () => {
    fc.assert(
      fc.property(shapes, spreads, ({ n, image, kernel, stride, pad, seed }, spread) => {
        const next = random(seed);
        const fits = pad.map((size, side) => Math.min(size, kernel[side % 2 === 0 ? 0 : 1] - 1)) as [
          number,
          number,
          number,
          number,
        ];
        const window = { size: kernel, stride, pad: fits };
        const x = drawn([n, 2, ...image], next, spread);
        const y = [n, 2, ...outputSize(image, kernel, window)];
        const dy = drawn(y, next);
        const t = drawn(x.shape, next);
        const [X, T] = [reader(x.shape, x.data, Number.NEGATIVE_INFINITY), reader(x.shape, t.data)];
        const flat = (index: number[]) => index.reduce((at, place, axis) => at * Number(x.shape[axis]) + place, 0);
        const dx = new Array(x.data.length).fill(0);
        const winners = [...indices(y)].map(([b, c, r, q], place) => {
          const covered = [...indices(kernel)].map(
            ([i, j]) =>
              [
                b,
                c,
                Number(r) * stride[0] - fits[0] + Number(i),
                Number(q) * stride[1] - fits[1] + Number(j),
              ] as number[],
          );
          const best = Math.max(...covered.map((index) => X(...index)));
          const winner = covered.find((index) => X(...index) === best) as number[];
          dx[flat(winner)] += dy.data[place];
          return winner;
        });
        expectClose(
          run((o, [a]) => o.maxPool(a, window), x).data,
          winners.map((index) => X(...index)),
        );
        expectClose(run((o, [a, d]) => o.maxPoolGrad(a, o.maxPool(a, window), d, window), x, dy).data, dx);
        expectClose(
          run((o, [a, b]) => o.maxPoolTake(a, o.maxPool(a, window), b, window), x, t).data,
          winners.map((index) => T(...index)),
        );
        const zeroed = reader(x.shape, x.data);
        const means = [...indices(y)].map(
          ([b, c, r, q]) =>
            total(kernel, (i, j) =>
              zeroed(
                Number(b),
                Number(c),
                Number(r) * stride[0] - fits[0] + Number(i),
                Number(q) * stride[1] - fits[1] + Number(j),
              ),
            ) /
            (kernel[0] * kernel[1]),
        );
        expectClose(run((o, [a]) => o.avgPool(a, window), x).data, means);
      }),
      { numRuns: 40, seed: 6 },
    );
  });

  it("batch norm over groups of images", () => {
    const next = random(1);
    const x = drawn([4, 2, 2, 3], next);
    const [gamma, beta] = [vector(2, -1), vector(0.5, 3)];
    const y = run((o, [a, g, b]) => o.batchNorm(a, g, b, { eps: 0.1, groups: 2 }), x, gamma, beta).data;
    const X = reader(x.shape, x.data);
    const wanted = [...indices(x.shape)].map(([n, c, r, q]) => {
      const first = Number(n) < 2 ? 0 : 2;
      const pool = [...indices([2, 2, 3])].map(([i, a, b]) => X(first + Number(i), Number(c), Number(a), Number(b)));
      const mean = pool.reduce((s, v) => s + v, 0) / 12;
      const variance = pool.reduce((s, v) => s + (v - mean) ** 2, 0) / 12;
      return (
        (Number(gamma.data[Number(c)]) * (X(Number(n), Number(c), Number(r), Number(q)) - mean)) /
          Math.sqrt(variance + 0.1) +
        Number(beta.data[Number(c)])
      );
    });
    expectClose(y, wanted);
    expectClose(run((o, [a]) => o.batchVariance(a, 1), { ...x, data: x.data.map(() => 0.1) }).data, [0, 0]);
  });

  it("gather and scatter_add with and without batch axes", () => {
    const x = { shape: [2, 3, 2], data: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] };
    const i = (shape: Shape, ...data: number[]) => ({ shape, dtype: "i32" as const, data });
    expect(run((o, [a, b]) => o.gather(a, b, 1), x, i([2], 2, 0))).toMatchObject({
      shape: [2, 2, 2],
      data: [4, 5, 0, 1, 10, 11, 6, 7],
    });
    expect(run((o, [a, b]) => o.gather(a, b, 1, 1), x, i([2, 1], 2, 0))).toMatchObject({
      shape: [2, 1, 2],
      data: [4, 5, 6, 7],
    });
    expect(run((o, [a, b]) => o.gather(a, b, 2, 0), x, i([], 1))).toMatchObject({
      shape: [2, 3],
      data: [1, 3, 5, 7, 9, 11],
    });
    expect(
      run((o, [a, b]) => o.scatterAdd(a, b, 0, 3), { shape: [3, 1], data: [1, 2, 4] }, i([3], 2, 0, 2)),
    ).toMatchObject({ shape: [3, 1], data: [2, 0, 5] });
    expect(() => run((o, [a, b]) => o.gather(a, b, 0), vector(1, 2), i([1], 2))).toThrow(
      "index 2 of an axis of size 2",
    );
  });

  it("orders: argmax and top_k take the lowest index on ties", () => {
    expect(run((o, [a]) => o.argmax(a, 0), vector(1, 3, 3, 2)).data).toEqual([1]);
    expect(run((o, [a]) => o.topK(a, 3, 0), vector(1, 3, 3, 1))).toMatchObject({ dtype: "i32", data: [1, 2, 0] });
    const table = { shape: [3, 2], data: [1, 5, 2, 5, 2, 9] };
    expect(run((o, [a]) => o.topK(a, 2, 0), table)).toMatchObject({ shape: [2, 2], data: [1, 2, 2, 0] });
    expect(run((o, [a]) => o.topK(a, 1, 1), table)).toMatchObject({ shape: [3, 1], data: [1, 1, 1] });
  });

  it("movements", () => {
    const x = { shape: [2, 3], data: [0, 1, 2, 3, 4, 5] };
    expect(run((o, [a]) => o.transpose(a, [1, 0]), x).data).toEqual([0, 3, 1, 4, 2, 5]);
    expect(run((o, [a]) => o.broadcast(a, [2, 2, 3], [0, 2]), x).data).toEqual([0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]);
    expect(run((o, [a]) => o.slice(a, [0, 0], [2, 3], [1, 2]), x).data).toEqual([0, 2, 3, 5]);
    expect(run((o, [a]) => o.pad(a, [1, 0], [0, 1], 9), x).data).toEqual([9, 9, 9, 9, 0, 1, 2, 9, 3, 4, 5, 9]);
    expect(run((o, [a]) => o.concat([a, a], 1), x).data).toEqual([0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]);
    expect(run((o, [a]) => o.reverse(a, [0]), x).data).toEqual([3, 4, 5, 0, 1, 2]);
    expect(run((o, [a]) => o.reverse(a, [1]), x).data).toEqual([2, 1, 0, 5, 4, 3]);
  });

  it("integers exactly: u32 and i32 wrap, casts truncate", () => {
    const u = (...data: number[]) => ({ shape: [data.length], dtype: "u32" as const, data });
    const top = 0xffffffff;
    expect(run((o, [a]) => o.add(a, 2), u(top, 1)).data).toEqual([1, 3]);
    expect(run((o, [a]) => o.sub(a, 2), u(1)).data).toEqual([top]);
    expect(run((o, [a, b]) => o.mul(a, b), u(0x9e3779b9), u(0x85ebca6b)).data).toEqual([
      Number((0x9e3779b9n * 0x85ebca6bn) & 0xffffffffn),
    ]);
    expect(run((o, [a]) => o.shl(a, 31), u(3)).data).toEqual([0x80000000]);
    expect(run((o, [a]) => o.shr(a, 31), u(top)).data).toEqual([1]);
    expect(run((o, [a]) => o.not(a), u(0)).data).toEqual([top]);
    expect(run((o, [a]) => o.div(a, 2), { shape: [2], dtype: "i32", data: [-3, 7] }).data).toEqual([-1, 3]);
    expect(run((o, [a]) => o.cast(a, "i32"), vector(-1.7, 1.7)).data).toEqual([-1, 1]);
    expect(run((o, [a]) => o.cast(a, "bool"), vector(0, -0.5)).data).toEqual([0, 1]);
    expect(run((o, [a]) => o.cast(a, "f32"), u(top)).data).toEqual([top]);
  });

  it("solve_spd solves, and is not a number where the matrix is not positive definite", () => {
    const a = { shape: [2, 2], data: [4, 1, 1, 3] };
    expectClose(run((o, [m, b]) => o.solveSpd(m, b), a, { shape: [2, 1], data: [1, 2] }).data, [1 / 11, 7 / 11]);
    const bad = { shape: [1, 1], data: [-1] };
    expect(run((o, [m, b]) => o.solveSpd(m, b), bad, bad).data).toEqual([Number.NaN]);
  });

  it("softmax and log_softmax of large values", () => {
    const [p, l] = [
      run((o, [a]) => o.softmax(a, 0), vector(1000, 1000, 0)).data,
      run((o, [a]) => o.logSoftmax(a, 0), vector(1000, 1000)).data,
    ];
    expectClose(p, [0.5, 0.5, 0]);
    expectClose(l, [-Math.LN2, -Math.LN2]);
  });
});

describe("composites: as a whole = as primitives", () => {
  for (const op of opNames.filter(isComposite))
    it(op, () => {
      fc.assert(
        fc.property(cases[op], spreads, fc.integer(), (one, spread, seed) => {
          const o = freshOps();
          const next = random(seed);
          const inputs = one.operands.map(({ shape, dtype }, place) => o.input(`x${place}`, shape, dtype));
          const y = one.build(o, inputs as unknown as [Node, Node, Node]);
          const values: Values = Object.fromEntries(
            one.operands.map((operand, place) => [`x${place}`, draw(operand, spread, next)]),
          );
          expect(y.op).toBe(op);
          expect(reachable(decompose(o.graph, [y])).filter((node) => isComposite(node.op))).toEqual([]);
          expect(decompose(o.graph, [y], () => true)).toEqual([y]);
          const [whole, parts] = [false, true].map((primitivesOnly) => runner([y], inputs, primitivesOnly)(values)[0]);
          expectClose(whole?.data ?? [], parts?.data ?? [], 100 * EPSILON);
        }),
        { numRuns: 20, seed: 8 },
      );
    });
});

describe("random bits", () => {
  const hex = (values: ArrayLike<number>): string =>
    Array.from(values, (word) => word.toString(16).padStart(8, "0")).join(" ");

  it("threefry-2x32-20 gives its published vectors", () => {
    const o = freshOps();
    const words = ["k0", "k1", "c0", "c1"].map((name) => o.input(name, [], "u32")) as [Node, Node, Node, Node];
    const cipher = runner(threefry2x32(o, [words[0], words[1]], [words[2], words[3]]), words);
    const at = (...given: number[]): string => {
      const values = Object.fromEntries(
        ["k0", "k1", "c0", "c1"].map((name, place) => [
          name,
          { shape: [], dtype: "u32" as const, data: [Number(given[place])] },
        ]),
      );
      return hex(cipher(values).map((word) => Number(word.data[0])));
    };
    expect(at(0, 0, 0, 0)).toBe("6b200159 99ba4efe");
    expect(at(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)).toBe("1cb996fc bb002be7");
    expect(at(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toBe("c4923a9c 483df7a0");
  });

  it("are a stream: the words of one block after another, whatever the shape, from any base", () => {
    const bits = (shape: Shape, base: number) =>
      run(
        (o, [key, counter]) => o.randomBits(key, counter, shape),
        { shape: [2], dtype: "u32", data: [0, 0] },
        { shape: [1], dtype: "u32", data: [base] },
      ).data;
    expect(hex(bits([2], 0))).toBe("6b200159 99ba4efe");
    expect(bits([3, 3], 0).slice(0, 7)).toEqual(bits([7], 0));
    expect(bits([8], 0).slice(4)).toEqual(bits([4], 2));
    expect(bits([4], 0xffffffff).slice(2)).toEqual(bits([2], 0));
  });

  it("look uniform", () => {
    const words = run(
      (o, [key, counter]) => o.randomBits(key, counter, [40000]),
      { shape: [2], dtype: "u32", data: [1, 2] },
      { shape: [1], dtype: "u32", data: [0] },
    ).data;
    const counts = new Array(16).fill(0);
    for (const word of words) counts[word >>> 28]++;
    const chi = counts.reduce((sum, count) => sum + (count - 2500) ** 2 / 2500, 0);
    // 15 degrees of freedom: 37.7 is the 99.9 % point.
    expect(chi).toBeLessThan(37.7);
  });
});

describe("programs", () => {
  it("refuse inputs that are missing or of another type", () => {
    const o = freshOps();
    const x = o.input("x", [2]);
    const program = programOf([o.neg(x)], [x]);
    expect(() => interpret(program, {})).toThrow(CompilerBug);
    expect(() => interpret(program, { x: { shape: [2], dtype: "i32", data: [1, 2] } })).toThrow(
      "input x is f32[2], given i32[2]",
    );
    expect(() => interpret(program, { x: { shape: [2], dtype: "f32", data: [1] } })).toThrow("of 1 elements");
  });
  it("give inputs, constants and one node twice as outputs", () => {
    const o = freshOps();
    const x = o.input("x", [2]);
    const y = o.neg(x);
    const results = interpret(programOf([x, y, y, o.scalar(3)], [x]), {
      x: { shape: [2], dtype: "f32", data: [1, 2] },
    });
    expect(Object.values(results).map(({ data }) => Array.from(data))).toEqual([[1, 2], [-1, -2], [-1, -2], [3]]);
  });
});
