/** Keeps ranges of finished work on disk while they grow, and takes those that an earlier process has kept. */
import type { HostTensors } from "../engines/engine.js";
import type { Part, Range } from "../store/parts.js";
import { CheckpointPace } from "./checkpoint-pace.js";
import type { StageContext } from "./context.js";

/** The values that are kept: one row for each thing, such as an episode or an image. */
interface Kept {
  /** The name of the things among all parts of the stage. */
  readonly name: string;
  readonly unit: "episodes" | "images";
  readonly total: number;
  /** Returns the values of a range that is finished. */
  readonly values: (range: Range) => HostTensors;
  /** Takes the values of a range that an earlier process has finished. */
  readonly take: (part: Part) => void;
}

export class PartKeeper {
  private readonly pace: CheckpointPace;
  /** 1 for each thing that is finished. */
  private readonly finished: Uint8Array;
  /** The range that is finished and not on disk. */
  private pending: Range | undefined;

  /** Takes what is on disk. */
  constructor(
    private readonly kept: Kept,
    private readonly context: Pick<StageContext, "checkpoints" | "emit">,
  ) {
    this.pace = new CheckpointPace(context);
    const { name, unit, total, take } = kept;
    this.finished = new Uint8Array(total);
    const parts = context.checkpoints.parts.read(name, (path) =>
      context.emit({ type: "stage.note", message: `the part ${path} is damaged and is removed` }),
    );
    for (const part of parts) {
      take(part);
      this.finished.fill(1, part.from, part.to);
    }
    if (parts.length > 0) {
      const done = this.finished.reduce((sum, one) => sum + one, 0);
      context.emit({ type: "stage.note", message: `${done} of ${total} ${unit} were computed before` });
    }
  }

  get isWhole(): boolean {
    return this.finished.every((one) => one === 1);
  }

  /** Tells whether all things of a range are finished. */
  has({ from, to }: Range): boolean {
    return this.finished.subarray(from, to).every((one) => one === 1);
  }

  /** Adds a range whose values have just been computed, and writes what is not on disk if the last write is old enough. */
  async add(range: Range): Promise<void> {
    this.finished.fill(1, range.from, range.to);
    if (this.pending !== undefined && this.pending.to !== range.from) await this.flush();
    this.pending = { from: this.pending?.from ?? range.from, to: range.to };
    if (this.pace.isDue()) await this.flush();
  }

  /** Writes what is not on disk. */
  async flush(): Promise<void> {
    if (this.pending === undefined) return;
    const started = performance.now();
    const part = { ...this.pending, tensors: this.kept.values(this.pending) };
    this.pending = undefined;
    await this.pace.keep(this.context.checkpoints.parts.write(this.kept.name, part), started);
  }
}
