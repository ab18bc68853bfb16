/** Rewrite rules for constant folding. Known values are computed once, at compile time, in f64. */
import { interpret } from "../interpret.js";
import type { Node, OpName } from "../ir.js";
import type { Ops } from "../ops.js";
import { elementCount } from "../shape.js";
import type { RewriteRule } from "./rewrite.js";

/** Results and operands with more elements than this are computed at run time, because a constant takes storage. */
const maxElements = 1024;

/** Returns the value of a constant whose elements are all equal, or undefined for any other node. */
export function splat(node: Node | undefined): number | undefined {
  if (node?.op !== "const") return undefined;
  return node.attrs.data.length === 1 ? Number(node.attrs.data[0]) : undefined;
}

/** Returns the value of a node with constant operands as a constant. */
function evaluate(o: Ops, node: Node): Node {
  const { value } = interpret({ name: "constant", inputs: [], outputs: [{ name: "value", node, role: "host" }] }, {});
  const data = Float64Array.from(value?.data ?? []);
  const [first] = data;
  const repeats = first !== undefined && data.every((each) => Object.is(each, first));
  return o.constant(node.shape, repeats ? [first] : data, node.dtype);
}

/**
 * The way in which an op with constant operands is folded. An element-wise op of repeated constants is folded at any size, like an op that
 * only moves elements. Others are folded while they are small.
 */
type Folding = "elementwise" | "movement" | "small" | "never";

const foldings: Readonly<Record<OpName, Folding>> = {
  input: "never",
  const: "never",
  iota: "never",
  neg: "elementwise",
  exp: "elementwise",
  log: "elementwise",
  sqrt: "elementwise",
  rsqrt: "elementwise",
  tanh: "elementwise",
  erf: "elementwise",
  abs: "elementwise",
  floor: "elementwise",
  not: "elementwise",
  add: "elementwise",
  sub: "elementwise",
  mul: "elementwise",
  div: "elementwise",
  max: "elementwise",
  min: "elementwise",
  pow: "elementwise",
  and: "elementwise",
  or: "elementwise",
  xor: "elementwise",
  shl: "elementwise",
  shr: "elementwise",
  compare: "elementwise",
  select: "elementwise",
  cast: "elementwise",
  reshape: "movement",
  transpose: "movement",
  broadcast: "movement",
  slice: "movement",
  pad: "small",
  concat: "small",
  reverse: "movement",
  gather: "small",
  scatter_add: "never",
  stop_gradient: "movement",
  reduce_sum: "small",
  reduce_max: "small",
  argmax: "small",
  top_k: "never",
  dot_general: "small",
  conv2d: "never",
  conv2d_input_grad: "never",
  conv2d_filter_grad: "never",
  solve_spd: "never",
  max_pool: "never",
  max_pool_grad: "never",
  max_pool_take: "never",
  avg_pool: "never",
  avg_pool_grad: "never",
  relu: "elementwise",
  relu_grad: "never",
  leaky_relu: "never",
  leaky_relu_grad: "never",
  batch_norm: "never",
  batch_norm_grad_x: "never",
  batch_norm_grad_gamma: "never",
  batch_mean: "never",
  batch_variance: "never",
  channel_affine: "never",
  softmax: "never",
  softmax_grad: "never",
  log_softmax: "never",
  log_softmax_grad: "never",
  random_bits: "small",
};

const opsOf = (...kinds: readonly Folding[]): OpName[] =>
  (Object.keys(foldings) as OpName[]).filter((op) => kinds.includes(foldings[op]));
const elementwise = opsOf("elementwise");
const movement = opsOf("movement");
const small = opsOf("elementwise", "movement", "small");

export const foldRules: readonly RewriteRule[] = [
  {
    name: "fold repeated constants, whatever their size",
    on: elementwise,
    apply: (o, node) => {
      const values = node.inputs.map(splat);
      if (values.some((value) => value === undefined)) return undefined;
      const scalars = node.inputs.map((input, place) => o.scalar(Number(values[place]), input.dtype));
      const value = splat(evaluate(o, o.graph.op(node.op, scalars, node.attrs)));
      return value === undefined ? undefined : o.full(node.shape, value, node.dtype);
    },
  },
  {
    name: "a repeated constant looks the same from everywhere",
    on: movement,
    apply: (o, node) => {
      const value = splat(node.inputs[0]);
      return value === undefined ? undefined : o.full(node.shape, value, node.dtype);
    },
  },
  {
    name: "fold small constants",
    on: small,
    apply: (o, node) => {
      if (!node.inputs.every((input) => input.op === "const")) return undefined;
      const sizes = [node, ...node.inputs].map(({ shape }) => elementCount(shape));
      return Math.max(...sizes) <= maxElements ? evaluate(o, node) : undefined;
    },
  },
];
