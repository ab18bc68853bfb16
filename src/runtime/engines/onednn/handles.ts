/** The tensors that the engine holds for its callers, and the memory that they leave behind. */
import type { DType, Shape } from "../../../compiler/tensor/ir.js";
import { liveHandle } from "../arguments.js";
import type { Handle } from "../engine.js";
import type { Library } from "./library.js";
import { Block } from "./memory.js";

/** A tensor of the engine. `alive` becomes false when it is freed or a run consumes it. */
export class OnednnHandle implements Handle {
  alive = true;
  constructor(
    readonly owner: object,
    readonly shape: Shape,
    readonly dtype: DType,
    readonly block: Block,
  ) {}
}

export class Handles {
  /** Blocks without a tensor, by size. */
  private readonly spare = new Map<number, Block[]>();
  private shared: Block | undefined;

  constructor(readonly library: Library) {}

  make(shape: Shape, dtype: DType, block: Block): OnednnHandle {
    return new OnednnHandle(this, shape, dtype, block);
  }

  /** Returns the handle with the class of this engine. @throws EngineError if it belongs to another engine, or was freed or consumed. */
  live(handle: Handle, use: string): OnednnHandle {
    return liveHandle(handle, OnednnHandle, this, use);
  }

  /** Ends a handle. Its memory serves the next tensor of the same size. */
  release(handle: OnednnHandle): void {
    handle.alive = false;
    const { block } = handle;
    const same = this.spare.get(block.bytes);
    if (same === undefined) this.spare.set(block.bytes, [block]);
    else same.push(block);
  }

  takeBlock(bytes: number): Block {
    return this.spare.get(bytes)?.pop() ?? new Block(this.library, bytes);
  }

  /**
   * Returns memory for the intermediate tensors of a program. Programs share it, because they run one after the other and leave nothing
   * in it.
   */
  arena(bytes: number): Block {
    if (this.shared === undefined || this.shared.bytes < bytes) this.shared = new Block(this.library, bytes);
    return this.shared;
  }

  dispose(): void {
    this.shared = undefined;
    this.spare.clear();
  }
}
