/**
 * A program as the WebGPU provider has kernels for it, still in the IR: what it computes is the same. Kernels are there for
 * f32, i32 and u32; few take bool, and none u8 but the casts.
 */
import { CompilerBug } from "../../../../compiler/bug.js";
import type { Graph } from "../../../../compiler/tensor/graph.js";
import type { DType, Node, OpName } from "../../../../compiler/tensor/ir.js";
import { Ops } from "../../../../compiler/tensor/ops.js";
import { rebuild } from "../../../../compiler/tensor/walk.js";
import { combine, isRotation, shiftLeft, shiftRight } from "./bits.js";
import { argmax, topK } from "./order.js";
import { solveSpd } from "./solve.js";

/** What to put in the place of `node`, given its operands as they became; undefined where the provider has a kernel. */
type Form<K extends OpName> = (o: Ops, node: Node<K>, inputs: Operands) => Node | undefined;
type Operands = readonly [Node, Node, Node];

/** u8 is held as i32 on the device. */
const heldAs = (dtype: DType): DType => (dtype === "u8" ? "i32" : dtype);

const bitwise =
  <K extends "and" | "or" | "xor">(op: K): Form<K> =>
  (o, node, [a, b]) => {
    if (a.dtype === "bool") {
      if (op === "and") return undefined;
      return op === "xor" ? o.ne(a, b) : o.not(o.and(o.not(a), o.not(b)));
    }
    if (a.dtype === "i32") return o.cast(combine(o, op, o.cast(a, "u32"), o.cast(b, "u32")), "i32");
    const [x, y] = node.inputs;
    if (op === "or" && x && y && isRotation(x, y)) return o.add(a, b);
    return combine(o, op, a, b);
  };

/** Moves elements of a bool tensor as i32: kernels that do so take no bool. */
const moved =
  <K extends "transpose" | "pad" | "concat">(): Form<K> =>
  (o, node, inputs) => {
    if (node.dtype !== "bool") return undefined;
    const wide = inputs.map((input) => o.cast(input, "i32"));
    return o.cast(o.graph.op(node.op as OpName, wide, node.attrs), "bool");
  };

/** Places along each axis that differs from 0, 1, …: `Slice` takes floats only, `Gather` any type. */
function picked(o: Ops, x: Node, axes: readonly (readonly number[])[]): Node {
  return axes.reduce((from, places, axis) => {
    const all = places.length === from.shape[axis] && places.every((place, at) => place === at);
    return all ? from : o.gather(from, o.constant([places.length], places, "i32"), axis);
  }, x);
}
const counted = (count: number, start: number, step: number): number[] =>
  Array.from({ length: count }, (_, place) => start + place * step);

const forms: { readonly [K in OpName]?: Form<K> } = {
  const: (o, { attrs }) => (attrs.dtype === "u8" ? o.constant(attrs.shape, [...attrs.data], "i32") : undefined),
  input: (o, node) => {
    const { name, shape, dtype } = node.attrs;
    return dtype === "u8" ? o.cast(o.input(name, shape, dtype), "i32") : undefined;
  },
  cast: (o, { attrs }, [x]) => (attrs.to === "u8" ? o.cast(o.cast(x, "u8"), "i32") : undefined),
  neg: (o, node, [x]) => (node.dtype === "f32" ? undefined : o.sub(0, x)),
  abs: (o, node, [x]) => {
    if (node.dtype === "f32") return undefined;
    return node.dtype === "i32" ? o.max(x, o.sub(0, x)) : x;
  },
  not: (o, node, [x]) => {
    if (node.dtype === "bool") return undefined;
    return o.sub(node.dtype === "u32" ? 2 ** 32 - 1 : -1, x);
  },
  and: bitwise("and"),
  or: bitwise("or"),
  xor: bitwise("xor"),
  shl: (o, _, [x, places]) => shiftLeft(o, x, places),
  shr: (o, _, [x, places]) => shiftRight(o, x, places),
  transpose: moved(),
  pad: moved(),
  concat: moved(),
  slice: (o, node, [x]) => {
    if (node.dtype === "f32") return undefined;
    const { start, stride } = node.attrs;
    return picked(
      o,
      x,
      node.shape.map((count, axis) => counted(count, start[axis] ?? 0, stride[axis] ?? 1)),
    );
  },
  reverse: (o, node, [x]) => {
    if (node.dtype === "f32") return undefined;
    const { axes } = node.attrs;
    return picked(
      o,
      x,
      node.shape.map((count, axis) => (axes.includes(axis) ? counted(count, count - 1, -1) : counted(count, 0, 1))),
    );
  },
  argmax: (o, { attrs }, [x]) => argmax(o, x, attrs.axis),
  top_k: (o, { attrs }, [x]) => topK(o, x, attrs.k, attrs.axis),
  solve_spd: (o, _, [a, b]) => solveSpd(o, a, b),
};

export function webgpuForms(graph: Graph, roots: readonly Node[]): Node[] {
  const o = new Ops(graph);
  const rebuilt = rebuild(graph, roots, (node, inputs) => {
    const form = forms[node.op] as Form<OpName> | undefined;
    return form?.(o, node, inputs as unknown as Operands);
  });
  return rebuilt.map((node, place) => {
    const dtype = roots[place]?.dtype ?? node.dtype;
    if (heldAs(dtype) !== node.dtype) throw new CompilerBug(`${node.op} became ${node.dtype} for ${dtype}`);
    return o.cast(node, dtype);
  });
}
