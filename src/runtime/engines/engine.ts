/** The engine contract: everything that runs tensor programs implements it, and nothing above it knows which one does. */
import type { DType, Program, Shape } from "../../compiler/tensor/ir.js";

export type TypedData = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** Row-major; `bool` is a Uint8Array of 0 and 1. */
export interface HostTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: TypedData;
}
export type HostTensors = Readonly<Record<string, HostTensor>>;

/** A tensor that the engine keeps. Valid across the executables of one engine instance until freed or consumed. */
export interface Handle {
  readonly shape: Shape;
  readonly dtype: DType;
}

export type Availability =
  | { readonly available: true; readonly version: string; readonly devices: readonly string[] }
  /** `why` it cannot be used here and the command that mends it. */
  | { readonly available: false; readonly why: string; readonly mend: string };

/** What makes numbers differ: recorded with each stored stage. */
export interface Numerics {
  readonly engine: string;
  readonly version: string;
  readonly device: string;
  readonly threads: number;
}

export interface EngineOptions {
  readonly device: string;
  readonly threads: number;
}

export interface Engine {
  readonly name: string;
  readonly numerics: Numerics;
  /** Inputs named in `constants` are baked in (folded where the engine can) and take no argument. */
  compile(program: Program, constants?: HostTensors): Promise<Executable>;
  upload(tensor: HostTensor): Handle;
  download(handle: Handle): Promise<HostTensor>;
  free(handle: Handle): void;
  dispose(): Promise<void>;
}

export interface Executable {
  /**
   * One run. `args` by input name; feeds may be given as host tensors. State inputs are dead afterwards; their
   * successors come back in `device` under the INPUT's name; device outputs there too, and host outputs in `host`, under
   * the output's.
   */
  run(args: Readonly<Record<string, Handle | HostTensor>>): Promise<RunResult>;
  dispose(): Promise<void>;
}
export interface RunResult {
  readonly device: Readonly<Record<string, Handle>>;
  readonly host: HostTensors;
}

export type EngineErrorKind = "unsupported-op" | "out-of-memory" | "device-lost" | "non-finite" | "internal";
export class EngineError extends Error {
  constructor(
    readonly kind: EngineErrorKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = "EngineError";
  }
}
