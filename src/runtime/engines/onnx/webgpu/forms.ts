/**
 * Rewrites a program in the IR so that the WebGPU provider has kernels for all of it. The results are the same. The provider has
 * kernels for f32, i32 and u32; few kernels take bool, and only casts take u8.
 */
import { CompilerBug } from "../../../../common/bug.js";
import type { Graph } from "../../../../compiler/tensor/graph.js";
import type { DType, Node, OpName } from "../../../../compiler/tensor/ir.js";
import { Ops } from "../../../../compiler/tensor/ops.js";
import { rebuild } from "../../../../compiler/tensor/walk.js";
import { combine, isRotation, shiftLeft, shiftRight } from "./bits.js";
import { argmax, topK } from "./order.js";
import { solveSpd } from "./solve.js";

/** Returns the replacement of `node`; `inputs` are its rewritten operands. */
type Rewrite<K extends OpName> = (o: Ops, node: Node<K>, inputs: Operands) => Node;
type Operands = readonly [Node, Node, Node];

interface Form<K extends OpName> {
  /** The result types for which the provider has no kernel. */
  readonly types: readonly DType[];
  readonly rewrite: Rewrite<K>;
}
const allTypes: readonly DType[] = ["f32", "i32", "u32", "u8", "bool"];
const noFloats: readonly DType[] = ["i32", "u32", "u8", "bool"];
const integers: readonly DType[] = ["i32", "u32"];
const bits: readonly DType[] = ["i32", "u32", "bool"];

/** Returns the type in which the GPU holds a type: u8 is held as i32. */
const heldAs = (dtype: DType): DType => (dtype === "u8" ? "i32" : dtype);

/** Rewrites a bitwise op. For bool, `or` and `xor` have no kernel, and `and` has one. */
const bitwise =
  <K extends "and" | "or" | "xor">(op: K): Rewrite<K> =>
  (o, node, [a, b]) => {
    if (a.dtype === "bool") return op === "xor" ? o.ne(a, b) : o.not(o.and(o.not(a), o.not(b)));
    if (a.dtype === "i32") return o.cast(combine(o, op, o.cast(a, "u32"), o.cast(b, "u32")), "i32");
    const [x, y] = node.inputs;
    return op === "or" && x !== undefined && y !== undefined && isRotation(x, y) ? o.add(a, b) : combine(o, op, a, b);
  };

/** Moves the elements of a bool tensor as i32, because the kernels do not take bool. */
const movedAsI32 =
  <K extends "transpose" | "pad" | "concat">(): Rewrite<K> =>
  (o, node, inputs) => {
    const wide = inputs.map((input) => o.cast(input, "i32"));
    return o.cast(o.graph.op(node.op as OpName, wide, node.attrs), "bool");
  };

/** Gathers the indices `places` along each axis. It replaces `Slice`, which takes floats only; `Gather` takes any type. */
function gatherPlaces(
  o: Ops,
  x: Node,
  places: (count: number, axis: number) => number[],
  shape: readonly number[],
): Node {
  return shape.reduce((from, count, axis) => {
    const wanted = places(count, axis);
    const all = wanted.length === from.shape[axis] && wanted.every((place, at) => place === at);
    return all ? from : o.gather(from, o.constant([wanted.length], wanted, "i32"), axis);
  }, x);
}
const arithmeticSequence = (count: number, start: number, step: number): number[] =>
  Array.from({ length: count }, (_, place) => start + place * step);

const forms: { readonly [K in OpName]?: Form<K> } = {
  const: { types: ["u8"], rewrite: (o, { attrs }) => o.constant(attrs.shape, [...attrs.data], "i32") },
  input: { types: ["u8"], rewrite: (o, { attrs }) => o.cast(o.input(attrs.name, attrs.shape, attrs.dtype), "i32") },
  cast: { types: ["u8"], rewrite: (o, _, [x]) => o.cast(o.cast(x, "u8"), "i32") },
  neg: { types: integers, rewrite: (o, _, [x]) => o.sub(0, x) },
  abs: { types: integers, rewrite: (o, _, [x]) => (x.dtype === "u32" ? x : o.max(x, o.sub(0, x))) },
  not: { types: integers, rewrite: (o, _, [x]) => o.sub(x.dtype === "u32" ? 2 ** 32 - 1 : -1, x) },
  and: { types: integers, rewrite: bitwise("and") },
  or: { types: bits, rewrite: bitwise("or") },
  xor: { types: bits, rewrite: bitwise("xor") },
  shl: { types: allTypes, rewrite: (o, _, [x, places]) => shiftLeft(o, x, places) },
  shr: { types: allTypes, rewrite: (o, _, [x, places]) => shiftRight(o, x, places) },
  transpose: { types: ["bool"], rewrite: movedAsI32() },
  pad: { types: ["bool"], rewrite: movedAsI32() },
  concat: { types: ["bool"], rewrite: movedAsI32() },
  slice: {
    types: noFloats,
    rewrite: (o, { attrs: { start, stride }, shape }, [x]) =>
      gatherPlaces(o, x, (count, axis) => arithmeticSequence(count, start[axis] ?? 0, stride[axis] ?? 1), shape),
  },
  reverse: {
    types: noFloats,
    rewrite: (o, { attrs: { axes }, shape }, [x]) =>
      gatherPlaces(
        o,
        x,
        (count, axis) =>
          axes.includes(axis) ? arithmeticSequence(count, count - 1, -1) : arithmeticSequence(count, 0, 1),
        shape,
      ),
  },
  argmax: { types: allTypes, rewrite: (o, { attrs }, [x]) => argmax(o, x, attrs.axis) },
  top_k: { types: allTypes, rewrite: (o, { attrs }, [x]) => topK(o, x, attrs.k, attrs.axis) },
  solve_spd: { types: allTypes, rewrite: (o, _, [a, b]) => solveSpd(o, a, b) },
};

/** Returns the result types for which an op is rewritten; it is empty if the provider has kernels for all types. */
export const rewrittenTypes = (op: OpName): readonly DType[] => forms[op]?.types ?? [];

export function webgpuForms(graph: Graph, roots: readonly Node[]): Node[] {
  const o = new Ops(graph);
  const rebuilt = rebuild(graph, roots, (node, inputs) => {
    const form = forms[node.op] as Form<OpName> | undefined;
    if (!form?.types.includes(node.dtype)) return undefined;
    return form.rewrite(o, node, inputs as unknown as Operands);
  });
  return rebuilt.map((node, place) => {
    const dtype = roots[place]?.dtype ?? node.dtype;
    if (heldAs(dtype) !== node.dtype) throw new CompilerBug(`${node.op} became ${node.dtype} for ${dtype}`);
    return o.cast(node, dtype);
  });
}
