/**
 * TensorFlow's eager ops through the native addon of `@tensorflow/tfjs-node(-gpu)` 4.22. The addon alone is loaded: none of
 * that package's JavaScript, which stops working at Node 23. Its state is one per thread.
 */
import { createRequire } from "node:module";
import type { DType, Shape } from "../../../compiler/tensor/ir.js";

/** TF_DataType */
export const tensorflowTypes = { f32: 1, i32: 3, u8: 4, bool: 10, u32: 22 } as const satisfies Record<DType, number>;

/** What the addon calls a kind of attribute: its own numbers, not TensorFlow's. */
const kind = { string: 0, int: 1, float: 2, bool: 3, type: 4 } as const;

export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: string | number | boolean | readonly number[];
}
export const stringAttribute = (name: string, value: string): Attribute => ({ name, type: kind.string, value });
/** A list is of 32-bit numbers. */
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

/** A tensor is a number from creation to deletion. The addon counts them up to 2³¹ and does not go back. */
export type TensorId = number;

/** The part of the addon that the engine calls. Everything throws an `Error` with TensorFlow's message. */
export interface Addon {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
  /** Float32Array as f32, Int32Array as i32, Uint8Array as u8 or bool; others throw. May go on reading aligned memory. */
  createTensor(shape: Shape, dtype: number, data: Float32Array | Int32Array | Uint8Array): TensorId;
  deleteTensor(id: TensorId): void;
  /** Of f32, i32 and bool, as a copy; u8 and u32 throw. */
  tensorDataSync(id: TensorId): Float32Array | Int32Array | Uint8Array;
  /** Types that follow from the inputs may be left out of `attributes`, save in ops that take a list of tensors. */
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly TensorId[],
    outputs: number,
  ): readonly { readonly id: TensorId }[];
  getNumOfTensors(): number;
}

/** @throws Error where the file is not an addon for this process, or a library that it needs is missing. */
export function loadAddon(path: string): Addon {
  return createRequire(import.meta.url)(path) as Addon;
}
