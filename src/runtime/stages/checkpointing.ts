/** Writes the checkpoints of a training and continues from them: so often that little is lost, at less than a hundredth of the time. */
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import type { HostTensor, HostTensors } from "../engines/engine.js";
import type { Checkpoint } from "../store/checkpoints.js";
import type { Validated } from "../store/manifest.js";
import type { StoredFile } from "../store/store.js";
import type { StageContext } from "./context.js";

/** The shortest time between two checkpoints, in ms. */
const shortestInterval = 10_000;
/** The time of training, in multiples of the time that a checkpoint takes, that must pass before the next one. */
const costFactor = 100;
/** The environment variable with the seconds between two checkpoints, whatever they cost. */
const variable = "FSLC_CHECKPOINT_SECONDS";

export class Checkpointing {
  private written = performance.now();
  private cost = 0;
  private failed = false;
  private readonly chosen = chosenInterval();

  constructor(
    private readonly context: Pick<StageContext, "checkpoints" | "emit">,
    /** Returns the state after the last step. */
    private readonly state: () => Promise<Checkpoint>,
  ) {}

  /** Writes a checkpoint if the last one is old enough. */
  async offer(): Promise<void> {
    const interval = this.chosen ?? Math.max(shortestInterval, costFactor * this.cost);
    if (performance.now() - this.written >= interval) await this.write();
  }

  /** Writes a checkpoint. A disk that is full does not end the training, because a checkpoint only saves time. */
  async write(): Promise<void> {
    const started = performance.now();
    const state = await this.state();
    await this.context.checkpoints.write(state).then(
      () => {
        this.failed = false;
      },
      (error: unknown) => this.reportFailure(error),
    );
    this.written = performance.now();
    this.cost = this.written - started;
  }

  /** Says that a checkpoint could not be written, once until one can. */
  private reportFailure(error: unknown): void {
    if (!(error instanceof DiagnosticError)) throw error;
    const message = `no checkpoint is kept: ${error.message}`;
    if (!this.failed) this.context.emit({ type: "stage.note", message });
    this.failed = true;
  }
}

/** Returns the interval in ms that the user has chosen. Text that is no such number is ignored. */
function chosenInterval(): number | undefined {
  const seconds = Number.parseFloat(process.env[variable] ?? "");
  return seconds >= 0 ? seconds * 1000 : undefined;
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
