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

const elementwise: readonly OpName[] = [
  ...(["neg", "exp", "log", "sqrt", "rsqrt", "tanh", "abs", "floor", "not", "cast", "relu"] as const),
  ...([
    "add",
    "sub",
    "mul",
    "div",
    "max",
    "min",
    "pow",
    "and",
    "or",
    "xor",
    "shl",
    "shr",
    "compare",
    "select",
  ] as const),
];
const movement: readonly OpName[] = ["reshape", "transpose", "broadcast", "slice", "reverse", "stop_gradient"];
const small: readonly OpName[] = [
  ...elementwise,
  ...movement,
  ...(["pad", "concat", "gather", "reduce_sum", "reduce_max", "argmax", "dot_general", "random_bits"] as const),
];

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
