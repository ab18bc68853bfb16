/** The ops of the interpreter that move elements, and its reductions. */
import { CompilerBug } from "../../../common/bug.js";
import type { PrimitiveName, Shape } from "../ir.js";
import { elementCount, type TensorType } from "../shape.js";
import {
  allocate,
  type Data,
  gatherStrided,
  type Kernels,
  type Operands,
  permuted,
  strides,
  type Value,
} from "./value.js";

/** Returns the elements of x with `axes` innermost, as rows. */
function rows(x: Value, axes: readonly number[]): { data: Data; length: number; count: number } {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const length = elementCount(axes.map((axis) => Number(x.shape[axis])));
  return {
    data: permuted(x, [...kept, ...axes]),
    length,
    count: elementCount(kept.map((axis) => Number(x.shape[axis]))),
  };
}

/** Returns the sizes [B, P, d, R] around `axis`, and the number of indices in each batch. */
function around(shape: Shape, indices: Shape, axis: number, batch: number) {
  return {
    batches: elementCount(shape.slice(0, batch)),
    before: elementCount(shape.slice(batch, axis)),
    count: elementCount(indices.slice(batch)),
  };
}

function checkIndex(index: number, size: number): void {
  if (index < 0 || index >= size) throw new CompilerBug(`index ${index} of an axis of size ${size}`);
}

function firstMaximum(data: Data, from: number, length: number): number {
  let best = from;
  for (let i = from + 1; i < from + length; i++) if ((data[i] as number) > (data[best] as number)) best = i;
  return best - from;
}

const same = ([x]: Operands): Data => x.data;

export const structureKernels = {
  reshape: same,
  stop_gradient: same,
  transpose: ([x], { perm }) => permuted(x, perm),
  broadcast: ([x], { dims }, { shape, dtype }) => {
    const steps = strides(x.shape);
    const out = allocate(dtype, elementCount(shape));
    gatherStrided(
      out,
      shape,
      x.data,
      shape.map((_, axis) => (dims.includes(axis) ? Number(steps[dims.indexOf(axis)]) : 0)),
    );
    return out;
  },
  slice: ([x], { start, stride }, { shape, dtype }) => {
    const steps = strides(x.shape);
    const offset = steps.reduce((sum, step, axis) => sum + step * Number(start[axis]), 0);
    const out = allocate(dtype, elementCount(shape));
    gatherStrided(
      out,
      shape,
      x.data,
      steps.map((step, axis) => step * Number(stride[axis])),
      offset,
    );
    return out;
  },
  pad: ([x], { low, value }, { shape, dtype }) => {
    const out = allocate(dtype, elementCount(shape)).fill(value);
    const steps = strides(shape);
    const inner = Number(x.shape.at(-1) ?? 1);
    const outer = x.shape.slice(0, -1);
    const lead = Number(low.at(-1) ?? 0);
    const index = outer.map(() => 0);
    for (let from = 0; from < x.data.length; from += inner) {
      const to = index.reduce((sum, place, axis) => sum + (place + Number(low[axis])) * Number(steps[axis]), lead);
      out.set(x.data.subarray(from, from + inner), to);
      for (let axis = outer.length - 1; axis >= 0; axis--) {
        index[axis] = (Number(index[axis]) + 1) % Number(outer[axis]);
        if (index[axis] !== 0) break;
      }
    }
    return out;
  },
  concat: (parts, { axis }, { shape, dtype }) => {
    const out = allocate(dtype, elementCount(shape));
    const run = elementCount(shape.slice(axis));
    const outer = elementCount(shape.slice(0, axis));
    let offset = 0;
    for (const part of parts) {
      const length = elementCount(part.shape.slice(axis));
      for (let row = 0; row < outer; row++)
        out.set(part.data.subarray(row * length, (row + 1) * length), row * run + offset);
      offset += length;
    }
    return out;
  },
  reverse: ([x], { axes }, { shape, dtype }) => {
    const steps = strides(shape);
    const turned = steps.map((step, axis) => (axes.includes(axis) ? -step : step));
    const offset = axes.reduce((sum, axis) => sum + (Number(shape[axis]) - 1) * Number(steps[axis]), 0);
    const out = allocate(dtype, x.data.length);
    gatherStrided(out, shape, x.data, turned, offset);
    return out;
  },
  gather: ([x, indices], { axis, batch }, { shape, dtype }) => {
    const { batches, before, count } = around(x.shape, indices.shape, axis, batch);
    const size = Number(x.shape[axis]);
    const run = elementCount(x.shape.slice(axis + 1));
    const out = allocate(dtype, elementCount(shape));
    let at = 0;
    for (let b = 0; b < batches; b++)
      for (let p = 0; p < before; p++)
        for (let i = 0; i < count; i++, at += run) {
          const index = indices.data[b * count + i] as number;
          checkIndex(index, size);
          const from = ((b * before + p) * size + index) * run;
          out.set(x.data.subarray(from, from + run), at);
        }
    return out;
  },
  scatter_add: ([updates, indices], { axis, batch, size }, { shape, dtype }) => {
    const { batches, before, count } = around(updates.shape, indices.shape, axis, batch);
    const run = elementCount(shape.slice(axis + 1));
    const out = allocate(dtype, elementCount(shape));
    let from = 0;
    for (let b = 0; b < batches; b++)
      for (let p = 0; p < before; p++)
        for (let i = 0; i < count; i++, from += run) {
          const index = indices.data[b * count + i] as number;
          checkIndex(index, size);
          const at = ((b * before + p) * size + index) * run;
          for (let r = 0; r < run; r++) out[at + r] = (out[at + r] as number) + (updates.data[from + r] as number);
        }
    return out;
  },
  reduce_sum: ([x], { axes }, { dtype }) => {
    const { data, length, count } = rows(x, axes);
    const out = allocate(dtype, count);
    for (let row = 0; row < count; row++) {
      let sum = 0;
      for (let i = row * length; i < (row + 1) * length; i++) sum += data[i] as number;
      out[row] = sum;
    }
    return out;
  },
  reduce_max: ([x], { axes }, { dtype }) => {
    const { data, length, count } = rows(x, axes);
    const out = allocate(dtype, count);
    for (let row = 0; row < count; row++)
      out[row] = data[row * length + firstMaximum(data, row * length, length)] as number;
    return out;
  },
  argmax: ([x], { axis }) => {
    const { data, length, count } = rows(x, [axis]);
    const out = new Int32Array(count);
    for (let row = 0; row < count; row++) out[row] = firstMaximum(data, row * length, length);
    return out;
  },
  top_k: ([x], { k, axis }, { shape }) => {
    const { data, length, count } = rows(x, [axis]);
    const found = new Int32Array(count * k);
    for (let row = 0; row < count; row++) {
      const at = (i: number): number => data[row * length + i] as number;
      // Array sort is stable, so equal values stay in the order of their indices.
      const order = Array.from({ length }, (_, i) => i).sort((i, j) => at(j) - at(i));
      found.set(order.slice(0, k), row * k);
    }
    const rank = shape.length;
    const innermost: TensorType = { shape: [...shape.toSpliced(axis, 1), k], dtype: "i32" };
    const back = Array.from({ length: rank }, (_, place) =>
      place < axis ? place : place === axis ? rank - 1 : place - 1,
    );
    return permuted({ ...innermost, data: found }, back);
  },
} satisfies Partial<Kernels<PrimitiveName>>;
