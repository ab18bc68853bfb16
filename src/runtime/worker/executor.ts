/** The contract between the scheduler and a place that runs jobs: processes of this machine today, others later. */
import type { EngineChoice } from "../engines/select.js";
import type { RunEvent } from "../events/events.js";
import type { Job, Outcome } from "../stages/job.js";

/** A place that runs jobs. It decides which engine computes them. */
export interface Executor {
  /** The engine and device that compute the jobs. The plan, the event `run.start` and failure messages name it. */
  readonly engine: EngineChoice;
  /** The largest number of jobs that run at the same time. */
  readonly capacity: number;
  /** Starts a job. `onEvent` receives the events of its stage. */
  submit(job: Job, onEvent: (event: RunEvent) => void): RunningJob;
}

/** A job that has been submitted. */
export interface RunningJob {
  /** Resolves once when the job has ended. It never rejects: a crash is an outcome of kind `failed`. */
  readonly outcome: Promise<Outcome>;
  /** Asks the job to end after its current step. */
  stop(): void;
  /** Ends the job immediately. */
  abort(): void;
}
