/** Lowering rules for sources and element-wise ops. Broadcasts stay implicit, and results keep the layout of the operands. */
import type { Node, OpName, Shape } from "../../../../compiler/tensor/ir.js";
import { elementCount } from "../../../../compiler/tensor/shape.js";
import { type Attribute, boolAttribute, floatAttribute } from "../binding.js";
import type { Emitter, Layout, Slot, Value } from "../emitter.js";
import { operand, type Rule, type Rules, range, whole } from "./rule.js";

/** Returns the layout in which the operands need the least data movement. If several are equal, layouts of images win. */
export function commonLayout(e: Emitter, nodes: readonly Node[]): Layout {
  const values = nodes.map((node) => e.value(node));
  const found = new Set(values.filter(({ shape }) => elementCount(shape) > 1).map(({ layout }) => layout));
  const moved = (layout: Layout): number =>
    nodes.reduce(
      (sum, node, i) => sum + (e.isFreeInLayout(node, layout) ? 0 : elementCount(values[i]?.shape ?? [])),
      0,
    );
  const candidates = (["nhwc", "pools", "plain", "hwio"] as const).filter((layout) => found.has(layout));
  return candidates.sort((a, b) => moved(a) - moved(b))[0] ?? "plain";
}

const broadcastShape = (values: readonly Value[]): Shape =>
  (values[0]?.shape ?? []).map((size, axis) =>
    values.reduce((largest, value) => (value.shape[axis] === 1 ? largest : (value.shape[axis] ?? 1)), size),
  );

/** Brings the operands into one layout and makes a value of the op on them. */
export function inCommonLayout(
  e: Emitter,
  nodes: readonly Node[],
  make: (slots: readonly Slot[], values: readonly Value[]) => Slot,
): Value {
  const layout = commonLayout(e, nodes);
  const values = nodes.map((node) => e.value(node, layout));
  const slots = values.map((value) => value.slot);
  return { slot: make(slots, values), shape: broadcastShape(values), layout };
}

const unary =
  <K extends OpName>(op: string, attributes: readonly Attribute[] = []): Rule<K> =>
  (e, node) => {
    const x = e.value(operand(node as Node, 0));
    return { ...x, slot: e.op(op, [x.slot], attributes) };
  };
const binary =
  <K extends OpName>(op: string, onIntegers = op): Rule<K> =>
  (e, node) =>
    inCommonLayout(e, node.inputs, (slots) => e.op(node.dtype === "f32" ? op : onIntegers, slots));
/** Makes a rule for a logical op on booleans, and a bitwise op on other types. */
const logical =
  <K extends OpName>(onBooleans: string, onBits: string): Rule<K> =>
  (e, node) =>
    inCommonLayout(e, node.inputs, (slots) => e.op(node.dtype === "bool" ? onBooleans : onBits, slots));

const compare = {
  lt: "Less",
  le: "LessEqual",
  gt: "Greater",
  ge: "GreaterEqual",
  eq: "Equal",
  ne: "NotEqual",
} as const;

export const elementwise = {
  // An input node is a slot that is defined before any rule runs.
  input: (e, node) => e.value(node),
  const: (e, { attrs }) => {
    const splat = attrs.data.length === 1 || attrs.data.every((value) => Object.is(value, attrs.data[0]));
    const shape = splat && attrs.data.length > 0 ? attrs.shape.map(() => 1) : attrs.shape;
    const data = splat ? attrs.data.slice(0, 1) : attrs.data;
    return { slot: e.constant(attrs.dtype, shape, data), shape, layout: "plain" };
  },
  iota: (e, { attrs }) => {
    const size = attrs.shape[attrs.axis] ?? 1;
    const shape = attrs.shape.map((_, axis) => (axis === attrs.axis ? size : 1));
    return { slot: e.constant(attrs.dtype, shape, range(size)), shape, layout: "plain" };
  },
  neg: unary("Neg"),
  exp: unary("Exp"),
  log: unary("Log"),
  sqrt: unary("Sqrt"),
  rsqrt: unary("Rsqrt"),
  tanh: unary("Tanh"),
  erf: unary("Erf"),
  abs: unary("Abs"),
  floor: unary("Floor"),
  not: (e, node) => {
    const x = e.value(operand(node, 0));
    return { ...x, slot: e.op(node.dtype === "bool" ? "LogicalNot" : "Invert", [x.slot]) };
  },
  add: (e, node) =>
    inCommonLayout(e, node.inputs, (slots, values) => tryBiasAdd(e, node, slots, values) ?? e.op("AddV2", slots)),
  sub: binary("Sub"),
  mul: binary("Mul"),
  div: binary("RealDiv", "TruncateDiv"),
  max: binary("Maximum"),
  min: binary("Minimum"),
  pow: binary("Pow"),
  and: logical("LogicalAnd", "BitwiseAnd"),
  or: logical("LogicalOr", "BitwiseOr"),
  xor: logical("NotEqual", "BitwiseXor"),
  shl: binary("LeftShift"),
  shr: binary("RightShift"),
  compare: (e, node) => {
    const { cmp } = node.attrs;
    const ordered = cmp !== "eq" && cmp !== "ne";
    return inCommonLayout(e, node.inputs, (slots) => {
      const booleans = ordered && operand(node, 0).dtype === "bool";
      return e.op(compare[cmp], booleans ? slots.map((slot) => e.cast(slot, "u8")) : slots);
    });
  },
  select: (e, node) => inCommonLayout(e, node.inputs, (slots) => e.op("SelectV2", slots)),
  cast: (e, node) => {
    const x = operand(node, 0);
    const value = e.value(x);
    if (x.dtype === node.attrs.to) return value;
    return { ...value, slot: e.cast(value.slot, node.attrs.to) };
  },
  stop_gradient: (e, node) => e.value(operand(node, 0)),
  relu: unary("Relu"),
  relu_grad: (e, node) => {
    const [x, dy] = [operand(node, 0), operand(node, 1)];
    const layout = commonLayout(e, [x, dy]);
    return whole(node, e.op("ReluGrad", [e.full(dy, layout), e.full(x, layout)]), layout);
  },
  leaky_relu: (e, node) => {
    const x = e.value(operand(node, 0));
    return { ...x, slot: e.op("LeakyRelu", [x.slot], [floatAttribute("alpha", node.attrs.slope)]) };
  },
  leaky_relu_grad: (e, node) => {
    const [x, dy] = [operand(node, 0), operand(node, 1)];
    const layout = commonLayout(e, [x, dy]);
    const inputs = [e.full(dy, layout), e.full(x, layout)];
    return whole(node, e.op("LeakyReluGrad", inputs, [floatAttribute("alpha", node.attrs.slope)]), layout);
  },
  softmax: (e, node) => onLastAxis(e, node, operand(node, 0), "Softmax"),
  log_softmax: (e, node) => onLastAxis(e, node, operand(node, 0), "LogSoftmax"),
  softmax_grad: (e, node) => {
    // (y, dy): y·(dy − Σ y·dy)
    const [y, dy] = [e.full(operand(node, 0)), e.full(operand(node, 1))];
    const inner = sumAlong(e, e.op("Mul", [y, dy]), node.attrs.axis);
    return whole(node, e.op("Mul", [y, e.op("Sub", [dy, inner])]));
  },
  log_softmax_grad: (e, node) => {
    // (y, dy): dy − exp(y)·Σ dy
    const [y, dy] = [e.full(operand(node, 0)), e.full(operand(node, 1))];
    const total = sumAlong(e, dy, node.attrs.axis);
    return whole(node, e.op("Sub", [dy, e.op("Mul", [e.op("Exp", [y]), total])]));
  },
} satisfies Partial<Rules<OpName>>;

const keep = [boolAttribute("keep_dims", true)];
const sumAlong = (e: Emitter, slot: Slot, axis: number): Slot => e.op("Sum", [slot, e.ints([axis])], keep);

/** Emits BiasAdd, the kernel for images [n, h, w, c] plus one number per channel, if the operands are such. */
function tryBiasAdd(e: Emitter, node: Node, slots: readonly Slot[], values: readonly Value[]): Slot | undefined {
  if (node.dtype !== "f32" || values[0]?.layout !== "nhwc") return undefined;
  const channels = node.shape[1] ?? 1;
  const bias = values.findIndex(({ shape }) => elementCount(shape) === channels && shape[1] === channels);
  const other = 1 - bias;
  if (bias < 0 || channels === 1 || elementCount(values[other]?.shape ?? []) !== elementCount(node.shape))
    return undefined;
  return e.op("BiasAdd", [slots[other] as Slot, e.reshape(slots[bias] as Slot, [channels])]);
}

/** Emits an op whose kernel works along the last axis only. */
function onLastAxis(e: Emitter, node: Node<"softmax" | "log_softmax">, x: Node, op: string): Value {
  const { axis } = node.attrs;
  const last = node.shape.length - 1;
  if (axis === last) return whole(node, e.op(op, [e.full(x)]));
  const swapped = range(node.shape.length).map((each) => (each === axis ? last : each === last ? axis : each));
  return whole(node, e.transpose(e.op(op, [e.transpose(e.full(x), swapped)]), swapped));
}
