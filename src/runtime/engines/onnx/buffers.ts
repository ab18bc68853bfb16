/** The interface of the memory that holds tensors between runs: host memory or the memory of a GPU. */
import type * as ort from "onnxruntime-common";
import type { DType, Program, ProgramOutput, Shape } from "../../../compiler/tensor/ir.js";
import type { StatePair } from "../arguments.js";
import { EngineError, type Handle, type HostTensor } from "../engine.js";
import type { OnnxDevice } from "./prepare.js";

/** The names that ONNX Runtime gives to the types. */
export const tensorType = { f32: "float32", i32: "int32", u32: "uint32", u8: "uint8", bool: "bool" } as const;

/** A tensor that the engine holds. `alive` becomes false when it is freed or a run consumes it. */
export abstract class Buffer implements Handle {
  alive = true;
  constructor(
    readonly owner: object,
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}
}

/** The memory of a device: makes, copies and releases its buffers. */
export interface Buffers<B extends Buffer = Buffer> {
  readonly device: OnnxDevice;
  readonly kind: abstract new (...args: never[]) => B;
  /** Returns the session options of a program: the device that it runs on, and where its outputs go. */
  session(program: Program): Placement;
  upload(tensor: HostTensor): B;
  download(buffer: B): Promise<HostTensor>;
  /** Releases the memory of a buffer that nothing will use any more. */
  release(buffer: B): void;
  /** Returns the buffer as an input of a run. */
  argument(buffer: B): ort.Tensor | Promise<ort.Tensor>;
  /** Returns a host tensor as an input of a run. */
  feed(tensor: HostTensor): ort.Tensor;
  results(program: Program, states: readonly StatePair[]): ResultBuffers<B>;
  dispose(): Promise<void>;
}

/** The device that a session runs on, and the place of its outputs. */
export interface Placement {
  readonly options: ort.InferenceSession.SessionOptions;
  /** The settings that ONNX Runtime names `session.*`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** The buffers for the results of one executable. */
export interface ResultBuffers<B extends Buffer> {
  prepareRun(): RunOutputs<B>;
  /** Takes back the buffer that held a state before the run. */
  reclaim(pair: StatePair, before: B): void;
}

/** The outputs of one run. */
export interface RunOutputs<B extends Buffer> {
  readonly fetches: Readonly<Record<string, ort.Tensor | null>>;
  keep(output: ProgramOutput, results: Readonly<Record<string, ort.Tensor>>): B;
  host(output: ProgramOutput, results: Readonly<Record<string, ort.Tensor>>): HostTensor;
}

/** Returns the result of a run with this name. @throws EngineError if there is none. */
export function resultOf(results: Readonly<Record<string, ort.Tensor>>, name: string): ort.Tensor {
  const result = results[name];
  if (result === undefined) throw new EngineError("internal", `onnxruntime returned no output "${name}"`);
  return result;
}
