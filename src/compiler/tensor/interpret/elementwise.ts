/** The element-wise ops of the interpreter. */
import { CompilerBug } from "../../../common/bug.js";
import { erf } from "../../../common/error-function.js";
import type { OpAttrs, PrimitiveName } from "../ir.js";
import { elementCount, type TensorType } from "../shape.js";
import { allocate, type Data, gatherStrided, type Kernels, type Operands } from "./value.js";

const unary =
  (f: (x: number) => number) =>
  ([x]: Operands, _: unknown, { dtype }: TensorType): Data => {
    const out = allocate(dtype, x.data.length);
    for (let i = 0; i < out.length; i++) out[i] = f(x.data[i] as number);
    return out;
  };
/** Typed arrays wrap the integers stored in them, so sums need no care. Products do. */
const binary =
  (f: (a: number, b: number) => number, onIntegers = f) =>
  ([a, b]: Operands, _: unknown, { dtype }: TensorType): Data => {
    const out = allocate(dtype, a.data.length);
    const apply = dtype === "f32" ? f : onIntegers;
    for (let i = 0; i < out.length; i++) out[i] = apply(a.data[i] as number, b.data[i] as number);
    return out;
  };

const comparisons: Readonly<Record<OpAttrs["compare"]["cmp"], (a: number, b: number) => boolean>> = {
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
};

export const elementwiseKernels = {
  input: (_, { name }) => {
    throw new CompilerBug(`input ${name} is computed`);
  },
  const: (_, { data }, { shape, dtype }) => {
    const out = allocate(dtype, elementCount(shape));
    if (data.length === 1) out.fill(Number(data[0]));
    else out.set(data);
    return out;
  },
  iota: (_, { axis }, { shape, dtype }) => {
    const size = Number(shape[axis]);
    const counts = allocate(dtype, size).map((_, place) => place) as Data;
    const out = allocate(dtype, elementCount(shape));
    gatherStrided(out, shape, counts, shape.map(() => 0).with(axis, 1));
    return out;
  },
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  rsqrt: unary((x) => 1 / Math.sqrt(x)),
  tanh: unary(Math.tanh),
  erf: unary(erf),
  abs: unary(Math.abs),
  floor: unary(Math.floor),
  not: ([x], _, { dtype }) => {
    const flip = dtype === "bool" ? (v: number) => 1 - v : (v: number) => ~v;
    return x.data.map(flip) as Data;
  },
  // The most frequent ops have loops of their own, without a call per element.
  add: ([a, b], _, { dtype }) => {
    const out = allocate(dtype, a.data.length);
    for (let i = 0; i < out.length; i++) out[i] = (a.data[i] as number) + (b.data[i] as number);
    return out;
  },
  sub: ([a, b], _, { dtype }) => {
    const out = allocate(dtype, a.data.length);
    for (let i = 0; i < out.length; i++) out[i] = (a.data[i] as number) - (b.data[i] as number);
    return out;
  },
  mul: ([a, b], _, { dtype }) => {
    const out = allocate(dtype, a.data.length);
    if (dtype === "f32") for (let i = 0; i < out.length; i++) out[i] = (a.data[i] as number) * (b.data[i] as number);
    else for (let i = 0; i < out.length; i++) out[i] = Math.imul(a.data[i] as number, b.data[i] as number);
    return out;
  },
  div: binary(
    (a, b) => a / b,
    (a, b) => Math.trunc(a / b),
  ),
  max: binary(Math.max),
  min: binary(Math.min),
  pow: binary((a, b) => a ** b),
  and: binary((a, b) => a & b),
  or: binary((a, b) => a | b),
  xor: binary((a, b) => a ^ b),
  shl: binary((a, b) => a << b),
  shr: binary((a, b) => a >>> b),
  compare: ([a, b], { cmp }) => {
    const holds = comparisons[cmp];
    const out = new Uint8Array(a.data.length);
    for (let i = 0; i < out.length; i++) out[i] = holds(a.data[i] as number, b.data[i] as number) ? 1 : 0;
    return out;
  },
  select: ([condition, a, b], _, { dtype }) => {
    const out = allocate(dtype, a.data.length);
    for (let i = 0; i < out.length; i++) out[i] = (condition.data[i] === 0 ? b.data[i] : a.data[i]) as number;
    return out;
  },
  cast: ([x], { to }) => {
    const out = allocate(to, x.data.length);
    for (let i = 0; i < out.length; i++) {
      const value = x.data[i] as number;
      out[i] = to === "bool" ? Number(value !== 0) : value;
    }
    return out;
  },
} satisfies Partial<Kernels<PrimitiveName>>;
