/** The `onednn` engine. A program is a list of oneDNN's primitives and of JavaScript loops over one planned memory. */
import type { Program } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import {
  type Engine,
  EngineError,
  type EngineOptions,
  type Executable,
  type Handle,
  type HostTensor,
  type HostTensors,
  type KernelListener,
  type Numerics,
} from "../engine.js";
import { OnednnExecutable } from "./executable.js";
import { Handles } from "./handles.js";
import { bytesPerElement, Layouts } from "./layouts.js";
import { type Library, loadLibrary } from "./library.js";
import type { OnednnLocation } from "./locate.js";
import { lowerProgram } from "./program.js";

export interface OnednnOptions extends EngineOptions {
  readonly location: OnednnLocation;
}

/** Tells whether the library has kernels for bf16 on this processor, within the limit that a user may have set for it. */
function hasRounding(library: Library): boolean {
  const layouts = new Layouts(library);
  const found = layouts.hasRounding();
  layouts.dispose();
  return found;
}

export class OnednnEngine implements Engine {
  readonly name = "onednn";
  readonly numerics: Numerics;
  private readonly handles: Handles;

  /** @throws EngineError if the library does not load, or the device is not the CPU. */
  constructor({ device, threads, location, precision }: OnednnOptions) {
    if (device !== "cpu")
      throw new EngineError("unsupported-op", `the onednn engine has no device "${device}"; use cpu`);
    try {
      this.handles = new Handles(loadLibrary(location));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new EngineError("internal", `oneDNN cannot be loaded: ${why}`, { cause });
    }
    const { library } = this.handles;
    const { version } = library;
    if (precision === "bf16" && !hasRounding(library))
      throw new EngineError("unsupported-op", "oneDNN has no kernels for bf16 here; is ONEDNN_MAX_CPU_ISA set?");
    const rounding = precision === undefined ? {} : { precision };
    this.numerics = { engine: this.name, version, device: "cpu", threads, ...rounding };
  }

  async compile(program: Program, constants: HostTensors = {}, onKernel?: KernelListener): Promise<Executable> {
    return new OnednnExecutable(
      this.handles,
      program,
      lowerProgram(this.handles.library, program, constants, this.numerics.precision),
      onKernel,
    );
  }

  upload({ shape, dtype, data }: HostTensor): Handle {
    const block = this.handles.takeBlock(elementCount(shape) * bytesPerElement[dtype]);
    block.view(dtype).set(data);
    return this.handles.make(shape, dtype, block);
  }

  async download(handle: Handle): Promise<HostTensor> {
    const { shape, dtype, block } = this.handles.live(handle, "download");
    return { shape, dtype, data: block.view(dtype).slice() };
  }

  free(handle: Handle): void {
    this.handles.release(this.handles.live(handle, "free"));
  }

  async dispose(): Promise<void> {
    this.handles.dispose();
    this.handles.library.dispose();
  }
}
