/** The executor of this machine: it chooses an engine once and runs each job in a worker process of its own. */
import { chooseEngine, type EngineChoice, type EngineRequest } from "../engines/select.js";
import type { RunEvent } from "../events/events.js";
import type { Job } from "../stages/job.js";
import type { ThreadBudget } from "../system/threads.js";
import { runInWorker, type WorkerRun } from "./client.js";
import type { Executor } from "./executor.js";

export interface ProcessExecutorOptions {
  /** The engine and device that the user named. */
  readonly asked: EngineRequest;
  /** The engine and device, if they were chosen before. */
  readonly choice?: EngineChoice;
  /** The threads of each job. */
  readonly threads: ThreadBudget;
  /** The largest number of jobs that run at the same time. */
  readonly jobs: number;
}

/**
 * Chooses the engine and device, unless the run already has them, and returns the executor that uses them.
 *
 * @throws DiagnosticError FSL7001, FSL7002 or FSL7008 if the requested engine or device is not available.
 */
export async function openProcessExecutor(options: ProcessExecutorOptions): Promise<Executor> {
  const { asked, choice, threads, jobs } = options;
  const engine = choice ?? (await chooseEngine(asked));
  return {
    engine,
    capacity: jobs,
    submit: (job, onEvent) => runInWorker({ ...job, engine, threads }, onEvent),
  };
}

/** A worker that keeps a classifier loaded until it is closed. */
export interface RunningResident extends Pick<WorkerRun, "ask"> {
  close(): void;
}

/**
 * Starts a worker that keeps the classifier of a job loaded.
 *
 * @throws DiagnosticError FSL7001, FSL7002 or FSL7008 if the requested engine or device is not available.
 */
export async function openResident(
  { asked, choice, threads }: ProcessExecutorOptions,
  job: Job,
  onEvent: (event: RunEvent) => void,
): Promise<RunningResident> {
  const engine = choice ?? (await chooseEngine(asked));
  const { ask, abort } = runInWorker({ ...job, engine, threads }, onEvent);
  return { ask, close: abort };
}
