/**
 * The contract of an engine. Everything that runs tensor programs implements it, and the code that calls it does not know
 * which engine it has.
 */
import type { DType, Node, Program, Shape } from "../../compiler/tensor/ir.js";

export type TypedData = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** A tensor in JavaScript memory. The data is row-major; `bool` is a Uint8Array of 0 and 1. */
export interface HostTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: TypedData;
}
export type HostTensors = Readonly<Record<string, HostTensor>>;

/** A tensor that the engine holds. It is valid in all executables of one engine instance until it is freed or a run consumes it. */
export interface Handle {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** The GPU or driver behind a device other than `cpu`. */
export interface Adapter {
  /** The name that the driver gives it: `NVIDIA H100 80GB HBM3`, `SwiftShader Device (LLVM 10.0.0)`. */
  readonly name: string;
  /** `integrated` is a GPU that shares the CPU's memory; `software` is a driver that emulates a GPU on the CPU. */
  readonly kind: "discrete" | "integrated" | "software" | "unknown";
}

/** The reason that an engine or a device cannot be used on this machine, and the command or action that makes it usable. */
export interface Unavailability {
  readonly why: string;
  /** A command, such as `fslc engines install tensorflow`, or an instruction. */
  readonly fix: string;
}

/** A fact that a probe found besides the devices. It is data; `formatNote` in `notes.ts` makes text of it. */
export type EngineNote =
  /** The engine can use a GPU in general, but not on this machine. */
  | ({ readonly kind: "no-gpu" } & Unavailability)
  /** The engine uses these shared libraries of CUDA. */
  | { readonly kind: "cuda"; readonly libraries: readonly string[] };

/** The result of probing an engine on this machine. */
export type Availability =
  | {
      readonly available: true;
      readonly version: string;
      /** The devices of this machine, as `--device` takes them: `cpu`, `gpu:0`, `gpu:1`. */
      readonly devices: readonly string[];
      /** The adapter of each device; a device whose adapter is unknown has no entry. */
      readonly adapters?: Readonly<Record<string, Adapter>>;
      readonly notes?: readonly EngineNote[];
    }
  | ({ readonly available: false } & Unavailability);

/**
 * The numbers that convolutions and large matrix products read: f32, or bf16, which has the range of f32 and 8 bits of precision. They add
 * in f32. Everything else is computed in f32 with both.
 */
export type Precision = "f32" | "bf16";

/** Everything about an engine that changes the rounding of its results. It is recorded with each stored stage. */
export interface Numerics {
  readonly engine: string;
  readonly version: string;
  /** `cpu` or `gpu`. There is no number: two GPUs of one kind give the same results. */
  readonly device: string;
  /** The name of the GPU, since two kinds of GPU round differently. On a CPU it is undefined; the store records its instruction sets. */
  readonly adapter?: string;
  readonly threads: number;
  /** `bf16` if convolutions and products read such numbers; otherwise undefined. */
  readonly precision?: "bf16";
}

export interface EngineOptions {
  /** `cpu`, `gpu` (the first GPU) or `gpu:N`. */
  readonly device: string;
  /** The name of the GPU, as the probe found it. It becomes part of the numerics. */
  readonly adapter?: string;
  readonly threads: number;
  /** `bf16` for an engine that has it; without it f32. */
  readonly precision?: "bf16";
}

export interface Engine {
  readonly name: string;
  readonly numerics: Numerics;
  /**
   * Inputs named in `constants` become constants of the executable (folded if the engine can) and take no argument. With a listener,
   * the executable measures the kernels of its runs and has reported all of them when it is disposed. An engine that cannot measure
   * kernels reports none.
   */
  compile(program: Program, constants?: HostTensors, onKernel?: KernelListener): Promise<Executable>;
  upload(tensor: HostTensor): Handle;
  download(handle: Handle): Promise<HostTensor>;
  free(handle: Handle): void;
  dispose(): Promise<void>;
}

/** A kernel that an engine ran: a primitive, an op of its library, or a loop. */
export interface MeasuredKernel {
  /** The engine's name of the kernel, such as `Conv` or `convolution`. */
  readonly kernel: string;
  /** The node that it computes, alone or with others, in the program as the engine rewrote it; undefined if it only moves data. */
  readonly node: Node | undefined;
  /** The run of the executable, counted from 0. */
  readonly run: number;
  /** The time from the start of the run to the start of the kernel, in ms. */
  readonly start: number;
  /** The time that the kernel took, in ms. */
  readonly duration: number;
}
export type KernelListener = (kernel: MeasuredKernel) => void;

export interface Executable {
  /**
   * Runs the program once. `args` maps the name of each input to a handle, or to a host tensor for this run only. A run
   * consumes the handles of state inputs. The new states come back in `device` under the name of the INPUT. Outputs of role
   * `device` come back there too, and outputs of role `host` in `host`, each under the name of the output.
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
