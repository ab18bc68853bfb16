/** Runs a job of another process on this machine: it reads the job from its folder, and writes its events and its status there. */
import { hostname } from "node:os";
import type { RunEvent } from "../events/events.js";
import { describeFailure } from "../events/failure.js";
import type { Outcome } from "../stages/job.js";
import { availableThreads, threadBudget } from "../system/threads.js";
import type { RunningJob } from "./executor.js";
import { JobFolder } from "./job-folder.js";
import { openProcessExecutor } from "./process-executor.js";
import { requeueThisJob } from "./slurm/commands.js";

/** The time between two signs of life, in ms. */
const beatInterval = 2000;

/**
 * Runs the job in a folder to its end. SIGTERM stops it after its current step. SIGUSR1 does so too and puts it back into the queue, where
 * it continues at its checkpoint.
 */
export async function runRemoteJob(dir: string): Promise<void> {
  const folder = new JobFolder(dir);
  let beat = 0;
  const tell = (outcome?: Outcome): void =>
    folder.writeStatus({ beat: beat++, host: hostname(), ...(outcome === undefined ? {} : { outcome }) });
  tell();
  const timer = setInterval(tell, beatInterval);
  let running: RunningJob | undefined;
  let stopped = false;
  let requeues = false;
  const stop = (): void => {
    stopped = true;
    running?.stop();
  };
  process.on("SIGTERM", stop);
  process.on("SIGUSR1", () => {
    requeues = true;
    stop();
  });
  const { job, asked } = folder.readJob();
  const ended = await start().catch((error: unknown): Outcome => {
    const place = { stage: job.node, engine: asked.engine ?? "none", dir: job.runDir };
    return { kind: "failed", failure: describeFailure(error, place) };
  });
  // The signal may have ended the worker before it could react to it.
  const outcome: Outcome = stopped && ended.kind === "failed" ? { kind: "stopped" } : ended;
  clearInterval(timer);
  tell(outcome);
  if (requeues && outcome.kind === "stopped") await requeueThisJob();

  async function start(): Promise<Outcome> {
    const executor = await openProcessExecutor({ asked, threads: threadBudget(availableThreads()), jobs: 1 });
    if (stopped) return { kind: "stopped" };
    running = executor.submit(job, (event: RunEvent) => folder.append(event));
    return await running.outcome;
  }
}
