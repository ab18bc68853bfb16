/** Decides when unfinished work is written to disk: so often that little is lost, at less than a hundredth of the time. */
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import type { JobContext } from "./context.js";

/** The shortest time between two writes, in ms. */
const shortestInterval = 10_000;
/** The time of work, in multiples of the time that a write takes, that must pass before the next one. */
const costFactor = 100;
/** The environment variable with the seconds between two writes, whatever they cost. */
const variable = "FSLC_CHECKPOINT_SECONDS";

export class CheckpointPace {
  private written = performance.now();
  private cost = 0;
  private failed = false;
  private readonly chosen = chosenInterval();

  constructor(private readonly context: Pick<JobContext, "emit">) {}

  /** Tells whether the last write is old enough for the next one. */
  isDue(): boolean {
    const interval = this.chosen ?? Math.max(shortestInterval, costFactor * this.cost);
    return performance.now() - this.written >= interval;
  }

  /**
   * Waits for a write that was begun at `started`. A disk that is full does not end the work, because a write only saves time: it is
   * reported once until one succeeds.
   */
  async keep(write: Promise<void>, started: number): Promise<void> {
    try {
      await write;
      this.failed = false;
    } catch (error) {
      if (!(error instanceof DiagnosticError)) throw error;
      const message = `no checkpoint is kept: ${error.message}`;
      if (!this.failed) this.context.emit({ type: "stage.note", message });
      this.failed = true;
    }
    this.written = performance.now();
    this.cost = this.written - started;
  }
}

/** Returns the interval in ms that the user has chosen. Text that is no such number is ignored. */
function chosenInterval(): number | undefined {
  const seconds = Number.parseFloat(process.env[variable] ?? "");
  return seconds >= 0 ? seconds * 1000 : undefined;
}
