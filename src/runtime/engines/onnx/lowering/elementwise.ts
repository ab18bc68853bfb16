/** Lowering rules for sources and element-wise ops. Broadcasts stay implicit: an operand may have size 1 along an axis that repeats. */
import type { Node, OpName, Shape } from "../../../../compiler/tensor/ir.js";
import type { Emitter, Value } from "../emitter.js";
import { operand, type Rule, type Rules, whole } from "./rule.js";

const ones = (shape: Shape): number[] => shape.map(() => 1);
const broadcastShape = (shapes: readonly Shape[]): number[] =>
  (shapes[0] ?? []).map((_, axis) => Math.max(...shapes.map((shape) => shape[axis] ?? 1)));

const unary =
  <K extends OpName>(op: string): Rule<K> =>
  (e, node) => {
    const x = e.value(operand(node as Node, 0));
    return { name: e.op(op, [x.name]), shape: x.shape };
  };

/** The ops whose u32 results wrap around. Without u32 kernels they are computed in i32, which gives the same bits. */
const wrappingOps = new Set(["Add", "Sub", "Mul"]);

function binaryOp(e: Emitter, op: string, a: Node, b: Node): Value {
  const values = [e.value(a), e.value(b)];
  const names = values.map((value) => value.name);
  const shape = broadcastShape(values.map((value) => value.shape));
  if (a.dtype !== "u32") return { name: e.op(op, names), shape };
  const { wrapping, other } = e.options.kernels.u32;
  const via = wrappingOps.has(op) ? wrapping : other;
  if (via === "u32") return { name: e.op(op, names), shape };
  const cast = names.map((name) => e.cast(name, via));
  return { name: e.cast(e.op(op, cast), "u32"), shape };
}
const binary =
  <K extends OpName>(op: string): Rule<K> =>
  (e, node) =>
    binaryOp(e, op, operand(node as Node, 0), operand(node as Node, 1));

const logical =
  <K extends OpName>(op: "And" | "Or" | "Xor"): Rule<K> =>
  (e, node) => {
    const values = node.inputs.map((input) => e.value(input));
    const name = e.op(
      node.dtype === "bool" ? op : `Bitwise${op}`,
      values.map((value) => value.name),
    );
    return { name, shape: broadcastShape(values.map((value) => value.shape)) };
  };

const shift =
  <K extends OpName>(direction: "LEFT" | "RIGHT"): Rule<K> =>
  (e, node) => {
    const values = node.inputs.map((input) => e.value(input));
    const name = e.op(
      "BitShift",
      values.map((value) => value.name),
      { direction },
    );
    return { name, shape: broadcastShape(values.map((value) => value.shape)) };
  };

const compare = {
  lt: "Less",
  le: "LessOrEqual",
  gt: "Greater",
  ge: "GreaterOrEqual",
  eq: "Equal",
  ne: "Equal",
} as const;

export function compareOp(e: Emitter, cmp: keyof typeof compare, a: Node, b: Node): Value {
  const values = [e.value(a), e.value(b)];
  const names = values.map((value) => {
    const { other } = e.options.kernels.u32;
    if (a.dtype === "u32" && other !== "u32") return e.cast(value.name, other);
    return a.dtype === "u8" || a.dtype === "bool" ? e.cast(value.name, "i32") : value.name;
  });
  const name = e.op(compare[cmp], names);
  return { name: cmp === "ne" ? e.op("Not", [name]) : name, shape: broadcastShape(values.map((value) => value.shape)) };
}

export const elementwise = {
  // An input node is a graph input, which `lowerProgram` defines before any rule runs.
  input: (e, node) => e.value(node),
  const: (e, { attrs }) => {
    const splat = attrs.data.length === 1 || attrs.data.every((value) => value === attrs.data[0]);
    const shape = splat ? ones(attrs.shape) : attrs.shape;
    return { name: e.constant(attrs.dtype, shape, splat ? attrs.data.slice(0, 1) : attrs.data), shape };
  },
  iota: (e, { attrs }) => {
    const size = attrs.shape[attrs.axis] ?? 1;
    const shape = attrs.shape.map((_, axis) => (axis === attrs.axis ? size : 1));
    const data = Array.from({ length: size }, (_, index) => index);
    return { name: e.constant(attrs.dtype, shape, data), shape };
  },
  neg: unary("Neg"),
  exp: unary("Exp"),
  log: unary("Log"),
  sqrt: unary("Sqrt"),
  rsqrt: (e, node) => {
    const x = e.value(operand(node, 0));
    return { name: e.op("Reciprocal", [e.op("Sqrt", [x.name])]), shape: x.shape };
  },
  tanh: unary("Tanh"),
  erf: unary("Erf"),
  abs: unary("Abs"),
  floor: unary("Floor"),
  not: (e, node) => {
    const x = e.value(operand(node, 0));
    return { name: e.op(node.dtype === "bool" ? "Not" : "BitwiseNot", [x.name]), shape: x.shape };
  },
  add: binary("Add"),
  sub: binary("Sub"),
  mul: binary("Mul"),
  div: binary("Div"),
  max: binary("Max"),
  min: binary("Min"),
  pow: binary("Pow"),
  and: logical("And"),
  or: logical("Or"),
  xor: logical("Xor"),
  shl: shift("LEFT"),
  shr: shift("RIGHT"),
  compare: (e, node) => compareOp(e, node.attrs.cmp, operand(node, 0), operand(node, 1)),
  select: (e, node) => {
    const values = node.inputs.map((input) => e.value(input));
    const shape = broadcastShape(values.map((value) => value.shape));
    const [condition = "", ...sides] = values.map((value) => value.name);
    const via = e.options.kernels.where[node.dtype];
    if (via === node.dtype) return { name: e.op("Where", [condition, ...sides]), shape };
    const cast = sides.map((side) => e.cast(side, via));
    return { name: e.cast(e.op("Where", [condition, ...cast]), node.dtype), shape };
  },
  cast: (e, node) => {
    const x = operand(node, 0);
    const value = e.value(x);
    return x.dtype === node.attrs.to ? value : { name: e.cast(value.name, node.attrs.to), shape: value.shape };
  },
  stop_gradient: (e, node) => e.value(operand(node, 0)),
  relu: unary("Relu"),
  relu_grad: (e, node) => {
    const [x, dy] = [operand(node, 0), operand(node, 1)];
    return whole(node, e.op("Mul", [e.full(dy), positiveMask(e, x)]));
  },
  leaky_relu: (e, node) => {
    const x = e.value(operand(node, 0));
    return { name: e.op("LeakyRelu", [x.name], { alpha: { float: node.attrs.slope } }), shape: x.shape };
  },
  leaky_relu_grad: (e, node) => {
    const [x, dy] = [operand(node, 0), operand(node, 1)];
    return whole(node, e.op("Mul", [e.full(dy), leakyFactor(e, x, node.attrs.slope)]));
  },
  softmax: (e, node) => whole(node, e.op("Softmax", [e.full(operand(node, 0))], { axis: node.attrs.axis })),
  log_softmax: (e, node) => whole(node, e.op("LogSoftmax", [e.full(operand(node, 0))], { axis: node.attrs.axis })),
  softmax_grad: (e, node) => {
    // (y, dy): y · (dy − Σ y·dy)
    const [y, dy] = [e.full(operand(node, 0)), e.full(operand(node, 1))];
    const inner = e.reduce("ReduceSum", e.op("Mul", [y, dy]), [node.attrs.axis], { keepdims: true });
    return whole(node, e.op("Mul", [y, e.op("Sub", [dy, inner])]));
  },
  log_softmax_grad: (e, node) => {
    // (y, dy): dy − exp(y) · Σ dy
    const [y, dy] = [e.full(operand(node, 0)), e.full(operand(node, 1))];
    const total = e.reduce("ReduceSum", dy, [node.attrs.axis], { keepdims: true });
    return whole(node, e.op("Sub", [dy, e.op("Mul", [e.op("Exp", [y]), total])]));
  },
} satisfies Partial<Rules<OpName>>;

/** Returns 1 where x > 0, else 0. */
export function positiveMask(e: Emitter, x: Node): string {
  return e.once(x, "positive", () => e.maskOf(e.op("Greater", [e.full(x), e.scalar(0)])));
}

/** Returns 1 where x > 0, else the slope. */
function leakyFactor(e: Emitter, x: Node, slope: number): string {
  return e.once(x, `leaky ${slope}`, () => {
    if (e.options.kernels.fastSign && slope >= 0 && slope <= 1)
      return e.op("Max", [e.op("Sign", [e.full(x)]), e.scalar(slope)]);
    return e.op("Where", [e.op("Greater", [e.full(x), e.scalar(0)]), e.scalar(1), e.scalar(slope)]);
  });
}
