/** Copies tensors to and from TensorFlow. */
import type { DType, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import type { TypedData } from "../engine.js";
import { allocate } from "../tensors.js";
import { type Addon, type TensorId, tensorflowTypes, typeAttribute } from "./binding.js";

const toI32 = [typeAttribute("DstT", "i32")];
const asI32 = [typeAttribute("type", "i32")];
const asU32 = [typeAttribute("type", "u32")];

/** Makes a tensor with a copy of `data`. A single element is repeated to fill the shape. */
export function send(addon: Addon, dtype: DType, shape: Shape, data: ArrayLike<number>): TensorId {
  const count = elementCount(shape);
  const copy = allocateUnaligned(dtype === "u32" ? "i32" : dtype, count);
  if (data.length === 1 && count !== 1) copy.fill(Number(data[0]));
  else copy.set(data);
  if (dtype !== "u32") return addon.createTensor(shape, tensorflowTypes[dtype], copy);
  // The addon takes no u32, so unsigned words are sent as signed words with the same bits.
  return replaceTensor(addon, "Bitcast", asU32, addon.createTensor(shape, tensorflowTypes.i32, copy));
}

/** Returns the elements of a tensor, and keeps the tensor. */
export function receive(addon: Addon, dtype: DType, count: number, id: TensorId): TypedData {
  if (count === 0) return allocate(dtype, 0);
  if (dtype === "u8" || dtype === "u32") {
    const [words] = addon.executeOp(dtype === "u8" ? "Cast" : "Bitcast", dtype === "u8" ? toI32 : asI32, [id], 1);
    if (words === undefined) throw new RangeError("an op returned no result");
    const data = addon.tensorDataSync(words.id);
    addon.deleteTensor(words.id);
    return dtype === "u8" ? Uint8Array.from(data) : new Uint32Array(data.buffer, data.byteOffset, data.length);
  }
  return addon.tensorDataSync(id);
}

function replaceTensor(addon: Addon, op: string, attributes: typeof asU32, id: TensorId): TensorId {
  const [result] = addon.executeOp(op, attributes, [id], 1);
  addon.deleteTensor(id);
  if (result === undefined) throw new RangeError(`${op} returned no result`);
  return result.id;
}

/**
 * Allocates memory that TensorFlow has to copy. If memory is aligned for its kernels, TensorFlow keeps reading it and releases it
 * from whichever thread is last. Memory with an offset of four bytes is never aligned.
 */
function allocateUnaligned(dtype: Exclude<DType, "u32">, count: number): Float32Array | Int32Array | Uint8Array {
  const buffer = new ArrayBuffer(4 * (count + 2));
  if (dtype === "f32") return new Float32Array(buffer, 4, count);
  if (dtype === "i32") return new Int32Array(buffer, 4, count);
  return new Uint8Array(buffer, 4, count);
}
