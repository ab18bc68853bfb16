/** The ops that loops compute element by element: arithmetic, and everything that only moves elements. */
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import { operand } from "../../lowering.js";
import { type Affine, add, constant, scale, text, total } from "./affine.js";
import { type Body, NotAffine } from "./body.js";
import { reshaped } from "./layout.js";

/** Returns the value of the node at an index, as the name of a variable or a literal. */
type Expression<K extends OpName> = (body: Body, node: Node<K>, index: readonly Affine[]) => string;

/** Makes the rule of an op whose result depends on the operands at the same index only. */
const pointwise =
  <K extends OpName>(write: (operands: readonly string[], node: Node<K>) => string): Expression<K> =>
  (body, node, index) =>
    body.define(
      node.dtype,
      write(
        node.inputs.map((input) => body.value(input, index)),
        node,
      ),
    );
const unary = <K extends OpName>(write: (x: string) => string): Expression<K> => pointwise(([x = ""]) => write(x));
const binary = <K extends OpName>(write: (a: string, b: string) => string): Expression<K> =>
  pointwise(([a = "", b = ""]) => write(a, b));
/** Makes the rule of a view: an op that reads its operand at another index. */
const view =
  <K extends OpName>(move: (node: Node<K>, index: readonly Affine[], body: Body) => readonly Affine[]): Expression<K> =>
  (body, node, index) =>
    body.value(operand(node, 0), move(node, index, body));

const comparisons = { lt: "<", le: "<=", gt: ">", ge: ">=", eq: "===", ne: "!==" } as const;

const arithmetic = {
  neg: unary((x) => `-${x}`),
  exp: unary((x) => `Math.exp(${x})`),
  log: unary((x) => `Math.log(${x})`),
  sqrt: unary((x) => `Math.sqrt(${x})`),
  rsqrt: unary((x) => `1/Math.sqrt(${x})`),
  tanh: unary((x) => `Math.tanh(${x})`),
  erf: unary((x) => `erf(${x})`),
  abs: unary((x) => `Math.abs(${x})`),
  floor: unary((x) => `Math.floor(${x})`),
  not: pointwise(([x = ""], { dtype }) => (dtype === "bool" ? `1-${x}` : `~${x}`)),
  add: binary((a, b) => `${a}+${b}`),
  sub: binary((a, b) => `${a}-${b}`),
  mul: pointwise(([a = "", b = ""], { dtype }) => (dtype === "f32" ? `${a}*${b}` : `Math.imul(${a},${b})`)),
  div: binary((a, b) => `${a}/${b}`),
  max: binary((a, b) => `Math.max(${a},${b})`),
  min: binary((a, b) => `Math.min(${a},${b})`),
  pow: binary((a, b) => `Math.pow(${a},${b})`),
  and: binary((a, b) => `${a}&${b}`),
  or: binary((a, b) => `${a}|${b}`),
  xor: binary((a, b) => `${a}^${b}`),
  shl: binary((a, b) => `${a}<<${b}`),
  shr: binary((a, b) => `${a}>>>${b}`),
  compare: pointwise<"compare">(([a = "", b = ""], { attrs }) => `${a}${comparisons[attrs.cmp]}${b}?1:0`),
  select: pointwise(([condition = "", a = "", b = ""]) => `${condition}!==0?${a}:${b}`),
  cast: pointwise(([x = ""], { dtype }) => (dtype === "bool" ? `${x}!==0?1:0` : x)),
  relu: unary((x) => `Math.max(${x},0)`),
  relu_grad: binary((x, dy) => `${x}>0?${dy}:0`),
  leaky_relu: pointwise<"leaky_relu">(([x = ""], { attrs }) => `${x}>0?${x}:${x}*${literal(Math.fround(attrs.slope))}`),
  leaky_relu_grad: pointwise<"leaky_relu_grad">(
    ([x = "", dy = ""], { attrs }) => `${x}>0?${dy}:${dy}*${literal(Math.fround(attrs.slope))}`,
  ),
} satisfies { readonly [K in OpName]?: Expression<K> };

const views = {
  stop_gradient: view((_, index) => index),
  reshape: view<"reshape">((node, index, body) => {
    const moved = reshaped(index, node.shape, operand(node, 0).shape, body.sizes);
    if (moved === undefined) throw new NotAffine(node);
    return moved;
  }),
  transpose: view<"transpose">((node, index) =>
    node.attrs.perm.map((_, axis) => index[node.attrs.perm.indexOf(axis)] ?? constant(0)),
  ),
  broadcast: view<"broadcast">((node, index) => node.attrs.dims.map((axis) => index[axis] ?? constant(0))),
  slice: view<"slice">((node, index) =>
    index.map((each, axis) => add(scale(each, node.attrs.stride[axis] ?? 1), constant(node.attrs.start[axis] ?? 0))),
  ),
  reverse: view<"reverse">((node, index) =>
    index.map((each, axis) =>
      node.attrs.axes.includes(axis) ? add(constant((node.shape[axis] ?? 1) - 1), scale(each, -1)) : each,
    ),
  ),
} satisfies { readonly [K in OpName]?: Expression<K> };

const others = {
  const: (_, node) => literal(node.dtype === "f32" ? Math.fround(node.attrs.data[0] ?? 0) : (node.attrs.data[0] ?? 0)),
  iota: (body, node, index) => body.define(node.dtype, text(index[node.attrs.axis] ?? constant(0))),
  gather: (body, node, index) => {
    const [x, indices] = [operand(node, 0), operand(node, 1)];
    const { axis, batch } = node.attrs;
    const count = indices.shape.length - batch;
    const at = body.value(indices, [...index.slice(0, batch), ...index.slice(axis, axis + count)]);
    const { array, factors } = body.rowMajor(x);
    const fixed = [...index.slice(0, axis), constant(0), ...index.slice(axis + count)];
    const strides = factors.map(([part]) => part?.stride ?? 1);
    const place = total(fixed.map((each, dimension) => scale(each, strides[dimension] ?? 1)));
    return body.load(array, place, `${at}*${strides[axis]}`);
  },
} satisfies { readonly [K in OpName]?: Expression<K> };

const expressions = { ...arithmetic, ...views, ...others };
export type LoopOp = keyof typeof expressions;

export const isLoopOp = (op: OpName): op is LoopOp => op in expressions;
/** Tells whether the op only moves elements, so that computing it again for every reader costs nothing. */
export const isView = (op: OpName): boolean => op in views;
/** Tells whether the op has no operand in memory. */
export const isSource = (node: Node): boolean =>
  node.op === "iota" || (node.op === "const" && node.attrs.data.length === 1);

export function expressionOf(body: Body, node: Node, index: readonly Affine[]): string {
  if (!isLoopOp(node.op) || (node.op === "const" && !isSource(node))) throw new NotAffine(node);
  return (expressions[node.op] as Expression<OpName>)(body, node, index);
}

/** Returns a number as JavaScript. */
function literal(value: number): string {
  return value < 0 || Object.is(value, -0) ? `(${Object.is(value, -0) ? "-0" : value})` : String(value);
}
