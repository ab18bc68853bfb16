/** For every op, random uses of it: operands, and how to build the result. A new op without a case does not compile. */
import fc from "fast-check";
import type { ConvAttrs, DType, Node, OpName, Shape, Window } from "../../src/compiler/tensor/ir.js";
import type { Ops } from "../../src/compiler/tensor/ops.js";
import { outputSize } from "../../src/compiler/tensor/shape.js";
import type { Domain, Operand } from "./support.js";

export interface Case {
  readonly operands: readonly Operand[];
  build(o: Ops, x: readonly [Node, Node, Node]): Node;
  /** Whether finite differences hold (the op changes with its real operands, and smoothly where values are distinct). */
  readonly smooth: boolean;
}

const real = (shape: Shape, domain: Domain = "real"): Operand => ({ shape, dtype: "f32", domain });
const typed = (shape: Shape, dtype: DType, domain: Domain): Operand => ({ shape, dtype, domain });
const size = fc.integer({ min: 1, max: 3 });
const shapes = (min = 0, max = 3): fc.Arbitrary<number[]> => fc.array(size, { minLength: min, maxLength: max });
/** 4-D half of the time: images have a batched form of their own. */
const anyShape = fc.oneof(shapes(), fc.tuple(size, size, size, size));
const axisOf = (shape: Shape): fc.Arbitrary<number> => fc.nat(shape.length - 1);
const withAxis = (min = 1): fc.Arbitrary<{ shape: number[]; axis: number }> =>
  shapes(min).chain((shape) => axisOf(shape).map((axis) => ({ shape, axis })));
const axesOf = (shape: Shape): fc.Arbitrary<number[]> => fc.subarray(shape.map((_, axis) => axis));
const sum = (of: Shape): number => of.reduce((total, each) => total + each, 0);

const unary = (
  op: "neg" | "exp" | "log" | "sqrt" | "rsqrt" | "tanh" | "erf" | "abs" | "floor" | "relu" | "stopGradient",
  domain: Domain = "real",
) =>
  anyShape.map(
    (shape): Case => ({
      operands: [real(shape, domain)],
      build: (o, [x]) => o[op](x),
      smooth: op !== "floor" && op !== "stopGradient",
    }),
  );
const binary = (op: "add" | "sub" | "mul" | "div" | "max" | "min" | "pow", domain: Domain = "real") =>
  anyShape.map(
    (shape): Case => ({
      operands: [real(shape, domain), real(shape, domain)],
      build: (o, [a, b]) => o[op](a, b),
      smooth: true,
    }),
  );
const bitwise = (op: "and" | "or" | "xor" | "shl" | "shr") =>
  anyShape.map(
    (shape): Case => ({
      operands: [typed(shape, "u32", "bits"), typed(shape, "u32", op === "shl" || op === "shr" ? "shift" : "bits")],
      build: (o, [a, b]) => o[op](a, b),
      smooth: false,
    }),
  );
const source = (build: (o: Ops) => Node): fc.Arbitrary<Case> => fc.constant({ operands: [], build, smooth: false });

const convolution = fc
  .record({
    n: size,
    groups: fc.integer({ min: 1, max: 2 }),
    inner: fc.integer({ min: 1, max: 2 }),
    outer: fc.integer({ min: 1, max: 2 }),
    kernel: fc.tuple(size, size),
    image: fc.tuple(fc.integer({ min: 3, max: 5 }), fc.integer({ min: 3, max: 4 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    pad: fc.tuple(fc.nat(1), fc.nat(1), fc.nat(1), fc.nat(1)),
  })
  .map(({ n, groups, inner, outer, kernel, image, stride, pad }) => {
    const attrs: ConvAttrs = { stride, pad, groups };
    return {
      attrs,
      image,
      kernel,
      x: real([n, inner * groups, ...image]),
      filters: real([outer * groups, inner, ...kernel]),
      dy: real([n, outer * groups, ...outputSize(image, kernel, attrs)]),
    };
  });

const windows = fc
  .record({
    n: fc.integer({ min: 1, max: 2 }),
    c: fc.integer({ min: 1, max: 2 }),
    image: fc.tuple(fc.integer({ min: 3, max: 5 }), fc.integer({ min: 3, max: 5 })),
    size: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    padded: fc.boolean(),
  })
  .map(({ n, c, image, size: [kh, kw], stride, padded }) => {
    const [py, px] = [padded && kh > 1 ? 1 : 0, padded && kw > 1 ? 1 : 0];
    const window: Window = { size: [kh, kw], stride, pad: [py, px, py, px] };
    return { window, image, x: real([n, c, ...image]), y: real([n, c, ...outputSize(image, [kh, kw], window)]) };
  });

const norms = fc
  .record({
    groups: fc.integer({ min: 1, max: 2 }),
    run: fc.integer({ min: 1, max: 2 }),
    c: fc.integer({ min: 1, max: 2 }),
    h: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ groups, run, c, h }) => ({ groups, eps: 0.1, c, x: real([groups * run, c, h, 2]), channel: real([c]) }));

const dots = fc
  .record({
    batch: shapes(0, 2),
    contract: shapes(0, 2),
    lhs: shapes(0, 1),
    rhs: shapes(0, 1),
    seed: fc.integer(),
  })
  .map(({ batch, contract, lhs, rhs, seed }) => {
    // Roles of the axes of each side, shuffled.
    const side = (free: number[], salt: number) => {
      const roles = [
        ...batch.map((of, place) => ({ role: "batch", place, of })),
        ...contract.map((of, place) => ({ role: "contract", place, of })),
        ...free.map((of, place) => ({ role: "free", place, of })),
      ];
      const order = roles.map((role, place) => ({ role, key: Math.imul(seed ^ salt, place * 2 + 1) >>> 7 }));
      const shuffled = order.sort((a, b) => a.key - b.key).map(({ role }) => role);
      const axes = (role: string, many: number[]) =>
        many.map((_, place) => shuffled.findIndex((each) => each.role === role && each.place === place));
      return { shape: shuffled.map(({ of }) => of), batch: axes("batch", batch), contract: axes("contract", contract) };
    };
    return { a: side(lhs, 0x51ed270b), b: side(rhs, 0x2545f491) };
  });

const gathers = fc
  .record({ batch: shapes(0, 1), before: shapes(0, 1), d: size, index: shapes(0, 2), after: shapes(0, 1) })
  .map(({ batch, before, d, index, after }) => ({
    axis: batch.length + before.length,
    shared: batch.length,
    d,
    x: real([...batch, ...before, d, ...after]),
    updates: real([...batch, ...before, ...index, ...after]),
    indices: typed([...batch, ...index], "i32", { below: d }),
  }));

/** Positive definite from any square m: m·mᵀ + 1. */
function definite(o: Ops, m: Node): Node {
  const rank = m.shape.length;
  const batch = m.shape.slice(0, -2).map((_, axis) => axis);
  const n = Number(m.shape.at(-1));
  const one = o.cast(o.eq(o.iota([n, n], 0), o.iota([n, n], 1)), "f32");
  return o.add(o.dot(m, m, [[rank - 1], [rank - 1]], [batch, batch]), o.broadcast(one, m.shape, [rank - 2, rank - 1]));
}

export const cases: Readonly<Record<OpName, fc.Arbitrary<Case>>> = {
  input: anyShape.map((shape) => ({ operands: [real(shape)], build: (_, [x]) => x, smooth: true })),
  const: source((o) => o.constant([2, 2], [1, 2, 3, 4])),
  iota: source((o) => o.cast(o.iota([2, 3], 1), "f32")),
  neg: unary("neg"),
  exp: unary("exp"),
  log: unary("log", "positive"),
  sqrt: unary("sqrt", "positive"),
  rsqrt: unary("rsqrt", "positive"),
  tanh: unary("tanh"),
  erf: unary("erf"),
  abs: unary("abs"),
  floor: unary("floor"),
  not: anyShape.map((shape) => ({
    operands: [typed(shape, "bool", "bool")],
    build: (o, [x]) => o.not(x),
    smooth: false,
  })),
  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div", "positive"),
  max: binary("max"),
  min: binary("min"),
  pow: binary("pow", "positive"),
  and: bitwise("and"),
  or: bitwise("or"),
  xor: bitwise("xor"),
  shl: bitwise("shl"),
  shr: bitwise("shr"),
  compare: fc.tuple(anyShape, fc.constantFrom("lt", "le", "gt", "ge", "eq", "ne")).map(([shape, cmp]) => ({
    operands: [real(shape), real(shape)],
    build: (o, [a, b]) => o[cmp](a, b),
    smooth: false,
  })),
  select: anyShape.map((shape) => ({
    operands: [typed(shape, "bool", "bool"), real(shape), real(shape)],
    build: (o, [condition, a, b]) => o.select(condition, a, b),
    smooth: true,
  })),
  cast: fc.tuple(anyShape, fc.constantFrom<DType>("i32", "f32")).map(([shape, to]) => ({
    operands: [real(shape)],
    build: (o, [x]) => o.graph.op("cast", [x], { to }),
    smooth: to === "f32",
  })),
  reshape: shapes().map((shape) => ({
    operands: [real(shape)],
    build: (o, [x]) => o.reshape(x, [1, ...[...shape].reverse()]),
    smooth: true,
  })),
  transpose: shapes(1).chain((shape) =>
    fc
      .shuffledSubarray(
        shape.map((_, axis) => axis),
        { minLength: shape.length },
      )
      .map((perm) => ({
        operands: [real(shape)],
        build: (o, [x]) => o.transpose(x, perm),
        smooth: true,
      })),
  ),
  broadcast: shapes(1).chain((shape) =>
    axesOf(shape).map((dims) => ({
      operands: [real(dims.map((axis) => Number(shape[axis])))],
      build: (o, [x]) => o.broadcast(x, shape, dims),
      smooth: true,
    })),
  ),
  slice: fc
    .array(fc.tuple(fc.nat(2), fc.nat(3), fc.nat(2), fc.integer({ min: 1, max: 3 })), { maxLength: 3 })
    .map((axes) => ({
      operands: [real(axes.map(([before, kept, after]) => before + kept + after))],
      build: (o, [x]) =>
        o.slice(
          x,
          axes.map(([before]) => before),
          axes.map(([before, kept]) => before + kept),
          axes.map(([, , , stride]) => stride),
        ),
      smooth: axes.every(([, kept]) => kept > 0),
    })),
  pad: fc.array(fc.tuple(size, fc.nat(2), fc.nat(2)), { maxLength: 3 }).map((axes) => ({
    operands: [real(axes.map(([of]) => of))],
    build: (o, [x]) =>
      o.pad(
        x,
        axes.map(([, low]) => low),
        axes.map(([, , high]) => high),
        0.5,
      ),
    smooth: true,
  })),
  concat: withAxis().chain(({ shape, axis }) =>
    fc.tuple(size, size, size).map((parts) => ({
      operands: parts.map((part) => real(shape.with(axis, part))),
      build: (o, x) => o.concat(x, axis),
      smooth: sum(parts) > 0,
    })),
  ),
  reverse: shapes().chain((shape) =>
    axesOf(shape).map((axes) => ({ operands: [real(shape)], build: (o, [x]) => o.reverse(x, axes), smooth: true })),
  ),
  gather: gathers.map(({ x, indices, axis, shared }) => ({
    operands: [x, indices],
    build: (o, [a, b]) => o.gather(a, b, axis, shared),
    smooth: true,
  })),
  scatter_add: gathers.map(({ updates, indices, axis, shared, d }) => ({
    operands: [updates, indices],
    build: (o, [a, b]) => o.scatterAdd(a, b, axis, d, shared),
    smooth: true,
  })),
  stop_gradient: unary("stopGradient"),
  reduce_sum: anyShape.chain((shape) =>
    axesOf(shape).map((axes) => ({ operands: [real(shape)], build: (o, [x]) => o.sum(x, axes), smooth: true })),
  ),
  reduce_max: anyShape.chain((shape) =>
    axesOf(shape).map((axes) => ({ operands: [real(shape)], build: (o, [x]) => o.reduceMax(x, axes), smooth: true })),
  ),
  argmax: withAxis().map(({ shape, axis }) => ({
    operands: [real(shape)],
    build: (o, [x]) => o.argmax(x, axis),
    smooth: false,
  })),
  top_k: withAxis().chain(({ shape, axis }) =>
    fc.integer({ min: 1, max: Number(shape[axis]) }).map((k) => ({
      operands: [real(shape)],
      build: (o, [x]) => o.topK(x, k, axis),
      smooth: false,
    })),
  ),
  dot_general: dots.map(({ a, b }) => ({
    operands: [real(a.shape), real(b.shape)],
    build: (o, [x, y]) => o.dot(x, y, [a.contract, b.contract], [a.batch, b.batch]),
    smooth: true,
  })),
  conv2d: convolution.map(({ x, filters, attrs }) => ({
    operands: [x, filters],
    build: (o, [a, b]) => o.conv2d(a, b, attrs),
    smooth: true,
  })),
  conv2d_input_grad: convolution.map(({ dy, filters, attrs, image }) => ({
    operands: [dy, filters],
    build: (o, [a, b]) => o.conv2dInputGrad(a, b, { ...attrs, inputSize: image }),
    smooth: true,
  })),
  conv2d_filter_grad: convolution.map(({ x, dy, attrs, kernel }) => ({
    operands: [x, dy],
    build: (o, [a, b]) => o.conv2dFilterGrad(a, b, { ...attrs, filterSize: kernel }),
    smooth: true,
  })),
  solve_spd: fc.tuple(shapes(0, 1), size, size).map(([batch, n, m]) => ({
    operands: [real([...batch, n, n]), real([...batch, n, m])],
    build: (o, [a, b]) => o.solveSpd(definite(o, a), b),
    smooth: true,
  })),
  max_pool: windows.map(({ x, window }) => ({ operands: [x], build: (o, [a]) => o.maxPool(a, window), smooth: true })),
  max_pool_grad: windows.map(({ x, y, window }) => ({
    operands: [x, y],
    build: (o, [a, dy]) => o.maxPoolGrad(a, o.maxPool(a, window), dy, window),
    smooth: true,
  })),
  max_pool_take: windows.map(({ x, window }) => ({
    operands: [x, x],
    build: (o, [a, t]) => o.maxPoolTake(a, o.maxPool(a, window), t, window),
    smooth: true,
  })),
  avg_pool: windows.map(({ x, window }) => ({ operands: [x], build: (o, [a]) => o.avgPool(a, window), smooth: true })),
  avg_pool_grad: windows.map(({ y, window, image }) => ({
    operands: [y],
    build: (o, [dy]) => o.avgPoolGrad(dy, { ...window, inputSize: image }),
    smooth: true,
  })),
  relu: unary("relu"),
  relu_grad: anyShape.map((shape) => ({
    operands: [real(shape), real(shape)],
    build: (o, [x, dy]) => o.graph.op("relu_grad", [x, dy], {}),
    smooth: true,
  })),
  leaky_relu: anyShape.map((shape) => ({
    operands: [real(shape)],
    build: (o, [x]) => o.leakyRelu(x, 0.1),
    smooth: true,
  })),
  leaky_relu_grad: anyShape.map((shape) => ({
    operands: [real(shape), real(shape)],
    build: (o, [x, dy]) => o.graph.op("leaky_relu_grad", [x, dy], { slope: 0.1 }),
    smooth: true,
  })),
  batch_norm: norms.map(({ x, channel, eps, groups }) => ({
    operands: [x, channel, channel],
    build: (o, [a, gamma, beta]) => o.batchNorm(a, gamma, beta, { eps, groups }),
    smooth: true,
  })),
  batch_norm_grad_x: norms.map(({ x, channel, eps, groups }) => ({
    operands: [x, channel, x],
    build: (o, [a, gamma, dy]) => o.graph.op("batch_norm_grad_x", [a, gamma, dy], { eps, groups }),
    smooth: true,
  })),
  batch_norm_grad_gamma: norms.map(({ x, eps, groups }) => ({
    operands: [x, x],
    build: (o, [a, dy]) => o.graph.op("batch_norm_grad_gamma", [a, dy], { eps, groups }),
    smooth: true,
  })),
  batch_mean: norms.map(({ x, groups }) => ({
    operands: [x],
    build: (o, [a]) => o.batchMean(a, groups),
    smooth: true,
  })),
  batch_variance: norms.map(({ x, groups }) => ({
    operands: [x],
    build: (o, [a]) => o.batchVariance(a, groups),
    smooth: true,
  })),
  channel_affine: norms.map(({ x, channel }) => ({
    operands: [x, channel, channel],
    build: (o, [a, scale, shift]) => o.channelAffine(a, scale, shift),
    smooth: true,
  })),
  softmax: withAxis().map(({ shape, axis }) => ({
    operands: [real(shape)],
    build: (o, [x]) => o.softmax(x, axis),
    smooth: true,
  })),
  softmax_grad: withAxis().map(({ shape, axis }) => ({
    operands: [real(shape), real(shape)],
    build: (o, [y, dy]) => o.graph.op("softmax_grad", [y, dy], { axis }),
    smooth: true,
  })),
  log_softmax: withAxis().map(({ shape, axis }) => ({
    operands: [real(shape)],
    build: (o, [x]) => o.logSoftmax(x, axis),
    smooth: true,
  })),
  log_softmax_grad: withAxis().map(({ shape, axis }) => ({
    operands: [real(shape), real(shape)],
    build: (o, [y, dy]) => o.graph.op("log_softmax_grad", [y, dy], { axis }),
    smooth: true,
  })),
  random_bits: shapes().map((shape) => ({
    operands: [typed([2], "u32", "bits"), typed([1], "u32", "bits")],
    build: (o, [key, counter]) => o.randomBits(key, counter, shape),
    smooth: false,
  })),
};
export const opNames = Object.keys(cases) as OpName[];
