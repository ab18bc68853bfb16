/** Allocates memory for tensors. */
import type { DType } from "../../compiler/tensor/ir.js";
import type { TypedData } from "./engine.js";

/** Returns a new array of `count` zeros for a tensor of this type. */
export function allocate(dtype: DType, count: number): TypedData {
  switch (dtype) {
    case "f32":
      return new Float32Array(count);
    case "i32":
      return new Int32Array(count);
    case "u32":
      return new Uint32Array(count);
    case "u8":
    case "bool":
      return new Uint8Array(count);
  }
}
