/** Values of the interpreter. It holds f32 in f64, and integers exactly. */
import type { DType, OpAttrs, OpName, Shape } from "../ir.js";
import { elementCount, type TensorType } from "../shape.js";

export type Data = Float64Array | Int32Array | Uint32Array | Uint8Array;
export interface Value extends TensorType {
  readonly data: Data;
}
/** Computes the result of an op, row-major, from its operands. */
export type Kernel<K extends OpName> = (inputs: Operands, attrs: OpAttrs[K], type: TensorType) => Data;
export type Kernels<K extends OpName> = { readonly [P in K]: Kernel<P> };
/** The operands of a kernel. The shape rule has checked that there are enough. */
export type Operands = readonly [Value, Value, Value];

export function allocate(dtype: DType, count: number): Data {
  switch (dtype) {
    case "f32":
      return new Float64Array(count);
    case "i32":
      return new Int32Array(count);
    case "u32":
      return new Uint32Array(count);
    case "u8":
    case "bool":
      return new Uint8Array(count);
  }
}

export function strides(shape: Shape): number[] {
  const out = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) out[axis] = Number(out[axis + 1]) * Number(shape[axis + 1]);
  return out;
}

/** Fills `out` (row-major, `shape`) from `source` at `offset` plus each index times `steps`. */
export function gatherStrided(out: Data, shape: Shape, source: Data, steps: readonly number[], offset = 0): void {
  const count = elementCount(shape);
  if (count === 0) return;
  const last = shape.length - 1;
  const inner = last < 0 ? 1 : Number(shape[last]);
  const step = last < 0 ? 0 : Number(steps[last]);
  const index = new Int32Array(Math.max(0, last));
  let from = offset;
  for (let at = 0; at < count; at += inner) {
    for (let place = 0; place < inner; place++) out[at + place] = source[from + place * step] as number;
    for (let axis = last - 1; axis >= 0; axis--) {
      from += Number(steps[axis]);
      const next = Number(index[axis]) + 1;
      if (next < Number(shape[axis])) {
        index[axis] = next;
        break;
      }
      from -= next * Number(steps[axis]);
      index[axis] = 0;
    }
  }
}

/** Returns the elements of `x` with its axes in the order `perm`. */
export function permuted(x: Value, perm: readonly number[]): Data {
  if (perm.every((axis, place) => axis === place)) return x.data;
  const steps = strides(x.shape);
  const out = allocate(x.dtype, x.data.length);
  gatherStrided(
    out,
    perm.map((axis) => Number(x.shape[axis])),
    x.data,
    perm.map((axis) => Number(steps[axis])),
  );
  return out;
}
