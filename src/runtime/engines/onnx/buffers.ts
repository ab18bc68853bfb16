/** What the engine needs of the place where tensors live between runs: the processor's memory, or a device's. */
import type * as ort from "onnxruntime-common";
import type { DType, Program, ProgramOutput, Shape } from "../../../compiler/tensor/ir.js";
import type { StatePair } from "../arguments.js";
import { EngineError, type Handle, type HostTensor } from "../engine.js";
import type { OnnxDevice } from "./prepare.js";

/** ONNX Runtime's names of the types. */
export const tensorType = { f32: "float32", i32: "int32", u32: "uint32", u8: "uint8", bool: "bool" } as const;

/** A tensor that the engine keeps. Dead once freed or consumed by a run. */
export abstract class Buffer implements Handle {
  alive = true;
  constructor(
    readonly owner: object,
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}
}

export interface Buffers<B extends Buffer = Buffer> {
  readonly device: OnnxDevice;
  readonly kind: abstract new (...args: never[]) => B;
  /** How a session of the program is made: where it runs, and where its outputs go. */
  session(program: Program): Placement;
  upload(tensor: HostTensor): B;
  download(buffer: B): Promise<HostTensor>;
  /** Gives the memory of a buffer back that no one will use any more. */
  release(buffer: B): void;
  /** The buffer as an input of a run. */
  argument(buffer: B): ort.Tensor | Promise<ort.Tensor>;
  /** A host tensor as an input of a run. */
  feed(tensor: HostTensor): ort.Tensor;
  results(program: Program, states: readonly StatePair[]): Results<B>;
  dispose(): Promise<void>;
}

/** Where a session runs and where its outputs go. */
export interface Placement {
  readonly options: ort.InferenceSession.SessionOptions;
  /** ONNX Runtime's `session.*` settings. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Where one executable's results go. */
export interface Results<B extends Buffer> {
  claim(): Claim<B>;
  /** Takes the buffer that a state had before the run. */
  retire(pair: StatePair, before: B): void;
}

/** Where one run's results go. */
export interface Claim<B extends Buffer> {
  readonly fetches: Readonly<Record<string, ort.Tensor | null>>;
  kept(output: ProgramOutput, results: Readonly<Record<string, ort.Tensor>>): B;
  host(output: ProgramOutput, results: Readonly<Record<string, ort.Tensor>>): HostTensor;
}

/** What a run gave under a name. @throws EngineError where it gave nothing. */
export function resultOf(results: Readonly<Record<string, ort.Tensor>>, name: string): ort.Tensor {
  const result = results[name];
  if (result === undefined) throw new EngineError("internal", `onnxruntime gave no "${name}"`);
  return result;
}
