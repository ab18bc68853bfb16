/**
 * Calls TensorFlow's eager ops through the native addon of `@tensorflow/tfjs-node(-gpu)` 4.22. Only the addon is loaded, not the
 * JavaScript of that package, which does not work from Node 23 on. The addon has one state per thread.
 */
import { createRequire } from "node:module";
import type { DType, Shape } from "../../../compiler/tensor/ir.js";

/** The codes of TF_DataType. */
export const tensorflowTypes = { f32: 1, i32: 3, u8: 4, bool: 10, u32: 22 } as const satisfies Record<DType, number>;

/** The addon's codes for the kinds of attributes. They are not those of TensorFlow. */
const kind = { string: 0, int: 1, float: 2, bool: 3, type: 4 } as const;

export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: string | number | boolean | readonly number[];
}
export const stringAttribute = (name: string, value: string): Attribute => ({ name, type: kind.string, value });
/** Makes an attribute of an integer or of a list of 32-bit integers. */
export const intAttribute = (name: string, value: number | readonly number[]): Attribute => ({
  name,
  type: kind.int,
  value,
});
export const floatAttribute = (name: string, value: number): Attribute => ({ name, type: kind.float, value });
export const boolAttribute = (name: string, value: boolean): Attribute => ({ name, type: kind.bool, value });
export const typeAttribute = (name: string, value: DType): Attribute => ({
  name,
  type: kind.type,
  value: tensorflowTypes[value],
});

/** The number of a tensor, from creation to deletion. The addon counts up to 2³¹ and never reuses a number. */
export type TensorId = number;

/** The part of the addon that the engine calls. All methods throw an `Error` with the message of TensorFlow. */
export interface Addon {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
  /**
   * Takes a Float32Array as f32, an Int32Array as i32, a Uint8Array as u8 or bool, and throws for other types. If the memory is
   * aligned, TensorFlow may keep reading it instead of copying.
   */
  createTensor(shape: Shape, dtype: number, data: Float32Array | Int32Array | Uint8Array): TensorId;
  deleteTensor(id: TensorId): void;
  /** Returns a copy of the elements of an f32, i32 or bool tensor; throws for u8 and u32. */
  tensorDataSync(id: TensorId): Float32Array | Int32Array | Uint8Array;
  /** `attributes` may leave out types that follow from the inputs, except for ops that take a list of tensors. */
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly TensorId[],
    outputs: number,
  ): readonly { readonly id: TensorId }[];
  getNumOfTensors(): number;
}

/** @throws Error if the file is not an addon for this process or a library that it needs is missing. */
export function loadAddon(path: string): Addon {
  return createRequire(import.meta.url)(path) as Addon;
}
