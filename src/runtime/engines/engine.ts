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

/** The card or driver behind a device that is no processor. */
export interface Adapter {
  /** As its driver calls it: `NVIDIA H100 80GB HBM3`, `SwiftShader Device (LLVM 10.0.0)`. */
  readonly name: string;
  /** `integrated` shares the processor's memory; `software` is no card at all, but a driver that computes on the processor. */
  readonly kind: "discrete" | "integrated" | "software" | "unknown";
}

export type Availability =
  | {
      readonly available: true;
      readonly version: string;
      /** As `--device` takes them: `cpu`, `gpu:0`, `gpu:1`. Those of this machine, not those that the engine could have. */
      readonly devices: readonly string[];
      /** By device; without those whose adapter cannot be told. */
      readonly adapters?: Readonly<Record<string, Adapter>>;
      /** What else was found, and what is missing for further devices: one sentence each, `no GPU: WHY; fix: WHAT FIXES IT`. */
      readonly notes?: readonly string[];
    }
  /** `why` it cannot be used here and the command that fixes it. */
  | { readonly available: false; readonly why: string; readonly fix: string };

/** What makes numbers differ: recorded with each stored stage. */
export interface Numerics {
  readonly engine: string;
  readonly version: string;
  /** `cpu` or `gpu`: which one of several equal cards makes no difference. */
  readonly device: string;
  /** The name of the card: two kinds of card are two numerics. Undefined on a processor, whose instructions tell. */
  readonly adapter?: string;
  readonly threads: number;
}

export interface EngineOptions {
  /** `cpu`, `gpu` (the first) or `gpu:N`. */
  readonly device: string;
  /** The name of the device's card, as the probe found it: goes into the numerics. */
  readonly adapter?: string;
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
