/** Writes the checkpoints of a training and continues from them. */
import type { HostTensor, HostTensors } from "../engines/engine.js";
import type { Checkpoint } from "../store/checkpoints.js";
import type { Validated } from "../store/manifest.js";
import type { StoredFile } from "../store/store.js";
import { CheckpointPace } from "./checkpoint-pace.js";
import { type StageContext, timed } from "./context.js";

export class Checkpointing {
  private readonly pace: CheckpointPace;

  constructor(
    private readonly context: Pick<StageContext, "checkpoints" | "emit" | "recorder">,
    /** Returns the state after the last step. */
    private readonly state: () => Promise<Checkpoint>,
  ) {
    this.pace = new CheckpointPace(context);
  }

  /** Writes a checkpoint if the last one is old enough. */
  async offer(): Promise<void> {
    if (this.pace.isDue()) await timed(this.context, "checkpoint", () => this.write());
  }

  /** Writes a checkpoint. */
  async write(): Promise<void> {
    const started = performance.now();
    const state = await this.state();
    await this.pace.keep(this.context.checkpoints.write(state), started);
  }
}

/** The tensors of a checkpoint by what they are for. */
interface Parts {
  /** The weights, the state of the optimizer and everything else that a step changes. */
  readonly state: HostTensors;
  /** The weights of the best validation, if the stage keeps them. */
  readonly best: HostTensors | undefined;
  /** The files about steps that were made so far. */
  readonly files: readonly StoredFile[];
}

/** An unfinished training, as its checkpoint gives it. */
export interface Resumed extends Parts {
  readonly step: number;
  readonly history: readonly Validated[];
}

/** Returns the last checkpoint of the stage that is whole, or undefined to start at the first step. */
export function resume({ checkpoints, emit }: StageContext): Resumed | undefined {
  const checkpoint = checkpoints.newest((path) =>
    emit({ type: "stage.note", message: `the checkpoint ${path} is damaged and is removed` }),
  );
  if (checkpoint === undefined) return undefined;
  const { step, history, tensors } = checkpoint;
  emit({ type: "stage.note", message: `continues after step ${step}, where an earlier run was stopped` });
  return { step, history, ...splitTensors(tensors) };
}

/** Returns all tensors of a checkpoint, named so that `splitTensors` finds its parts. */
export function joinTensors({ state, best = {}, files }: Parts): HostTensors {
  const named = (prefix: string, tensors: HostTensors) =>
    Object.entries(tensors).map(([name, tensor]) => [`${prefix}/${name}`, tensor] as const);
  return Object.fromEntries([
    ...named("state", state),
    ...named("best", best),
    ...files.map(({ name, bytes }) => [`files/${name}`, bytesTensor(bytes)] as const),
  ]);
}

const bytesTensor = (bytes: Uint8Array): HostTensor => ({
  shape: [bytes.length],
  dtype: "u8",
  data: new Uint8Array(bytes),
});

function splitTensors(tensors: HostTensors): Parts {
  const named = (prefix: string): HostTensors =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([name, tensor]) =>
        name.startsWith(`${prefix}/`) ? [[name.slice(prefix.length + 1), tensor]] : [],
      ),
    );
  const best = named("best");
  return {
    state: named("state"),
    best: Object.keys(best).length === 0 ? undefined : best,
    files: Object.entries(named("files")).map(([name, { data }]) => ({ name, bytes: data as Uint8Array })),
  };
}
