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
import { bytesPerElement } from "./layouts.js";
import { loadLibrary } from "./library.js";
import type { OnednnLocation } from "./locate.js";
import { lowerProgram } from "./program.js";

export interface OnednnOptions extends EngineOptions {
  readonly location: OnednnLocation;
}

export class OnednnEngine implements Engine {
  readonly name = "onednn";
  readonly numerics: Numerics;
  private readonly handles: Handles;

  /** @throws EngineError if the library does not load, or the device is not the CPU. */
  constructor({ device, threads, location }: OnednnOptions) {
    if (device !== "cpu")
      throw new EngineError("unsupported-op", `the onednn engine has no device "${device}"; use cpu`);
    try {
      this.handles = new Handles(loadLibrary(location));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new EngineError("internal", `oneDNN cannot be loaded: ${why}`, { cause });
    }
    this.numerics = { engine: this.name, version: this.handles.library.version, device: "cpu", threads };
  }

  async compile(program: Program, constants: HostTensors = {}, onKernel?: KernelListener): Promise<Executable> {
    return new OnednnExecutable(
      this.handles,
      program,
      lowerProgram(this.handles.library, program, constants),
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
