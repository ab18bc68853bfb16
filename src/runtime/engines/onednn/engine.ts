/** The `onednn` engine. A program is a list of oneDNN's primitives and of JavaScript loops over one planned memory. */
import type { DType, Program, Shape } from "../../../compiler/tensor/ir.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import { liveHandle } from "../arguments.js";
import {
  type Engine,
  EngineError,
  type EngineOptions,
  type Executable,
  type Handle,
  type HostTensor,
  type HostTensors,
  type Numerics,
} from "../engine.js";
import { OnednnExecutable } from "./executable.js";
import { bytesPerElement } from "./layouts.js";
import { type Library, loadLibrary } from "./library.js";
import type { OnednnLocation } from "./locate.js";
import { Block } from "./memory.js";
import { lowerProgram } from "./program.js";

/** A tensor of the engine. `alive` becomes false when it is freed or a run consumes it. */
export class OnednnHandle implements Handle {
  alive = true;
  constructor(
    readonly owner: OnednnEngine,
    readonly shape: Shape,
    readonly dtype: DType,
    readonly block: Block,
  ) {}
}

export interface OnednnOptions extends EngineOptions {
  readonly location: OnednnLocation;
}

export class OnednnEngine implements Engine {
  readonly name = "onednn";
  readonly numerics: Numerics;
  readonly library: Library;
  /** Blocks without a tensor, by size. */
  private readonly spare = new Map<number, Block[]>();

  /** @throws EngineError if the library does not load, or the device is not the CPU. */
  constructor({ device, threads, location }: OnednnOptions) {
    if (device !== "cpu")
      throw new EngineError("unsupported-op", `the onednn engine has no device "${device}"; use cpu`);
    try {
      this.library = loadLibrary(location);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new EngineError("internal", `oneDNN cannot be loaded: ${why}`, { cause });
    }
    this.numerics = { engine: this.name, version: this.library.version, device: "cpu", threads };
  }

  async compile(program: Program, constants: HostTensors = {}): Promise<Executable> {
    return new OnednnExecutable(this, program, lowerProgram(this.library, program, constants));
  }

  upload({ shape, dtype, data }: HostTensor): Handle {
    const block = this.takeBlock(elementCount(shape) * bytesPerElement[dtype]);
    block.view(dtype).set(data);
    return new OnednnHandle(this, shape, dtype, block);
  }

  async download(handle: Handle): Promise<HostTensor> {
    const { shape, dtype, block } = this.live(handle, "download");
    return { shape, dtype, data: block.view(dtype).slice() };
  }

  free(handle: Handle): void {
    this.release(this.live(handle, "free"));
  }

  async dispose(): Promise<void> {
    this.spare.clear();
    this.library.dispose();
  }

  live(handle: Handle, use: string): OnednnHandle {
    return liveHandle(handle, OnednnHandle, this, use);
  }

  /** Ends a handle. Its memory serves the next tensor of the same size. */
  release(handle: OnednnHandle): void {
    handle.alive = false;
    const { block } = handle;
    this.spare.set(block.bytes, [...(this.spare.get(block.bytes) ?? []), block]);
  }

  takeBlock(bytes: number): Block {
    return this.spare.get(bytes)?.pop() ?? new Block(this.library, bytes);
  }
}
